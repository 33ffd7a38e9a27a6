"""Sends events through segment-analytics-python, and prints the number of those that it could not deliver.

Environment: HOST, COUNT, WRITE_KEY."""
import os

from segment.analytics import Client

failed = []
client = Client(os.environ["WRITE_KEY"], host=os.environ["HOST"], gzip=True, max_queue_size=100_000, max_retries=20,
                on_error=lambda error, batch: failed.extend([str(error)] * len(batch)))
for number in range(int(os.environ["COUNT"])):
    user = 1 + number % 97  # a number: the library makes it a text
    if number % 5 == 0:
        client.page(user, name="Docs", properties={"url": f"https://shop.example/docs/{number % 7}?n={number}"})
    elif number % 5 == 1:
        client.identify(user, {"plan": "pro"})
    else:
        client.track(user, "Order Placed", {"total": number})
client.flush()
client.join()
print(len(failed), *failed[:1])
