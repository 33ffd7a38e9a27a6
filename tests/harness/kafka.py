"""A real Kafka broker, and the tools that read it from outside: kcat and Kafka's own."""
import collections
import json
import re
import shutil
import subprocess

from tests.harness import server, weir

SCRIPT = weir.ROOT / "scripts" / "kafka"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"
MEMBER = "org.apache.kafka.tools.VerifiableConsumer"
STICKY = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"


def needed():
    """Checks that a broker can be started; otherwise the test fails in CI and is skipped elsewhere."""
    if subprocess.run([SCRIPT, "check"], capture_output=True).returncode != 0:
        weir.missing("Kafka's jars (scripts/fetch-kafka, or KAFKA_HOME) or Java 17")
    if not shutil.which("kcat"):
        weir.missing("kcat")


class Kafka(server.Server):
    """One broker on free loopback ports. start() returns when it answers. begin() returns at once; ready() then waits."""

    NAME = "Kafka"

    def __init__(self, folder, **settings):
        super().__init__(folder)
        self.port, self.controller_port = weir.free_port(), weir.free_port()
        self.brokers = f"127.0.0.1:{self.port}"
        self.settings = [f"{name.replace('_', '.')}={value}" for name, value in settings.items()]

    def begin(self):
        self.launch([SCRIPT, "run", self.folder, self.port, self.controller_port, *self.settings])

    def ready(self):
        self.wait_until(lambda: self.kcat("-L", "-m", "1", check=False).returncode == 0)
        return self

    def start(self):
        self.begin()
        return self.ready()

    # Tools.

    def kcat(self, *options, text="", check=True):
        return subprocess.run(["kcat", "-b", self.brokers, *map(str, options)], input=text, capture_output=True,
                              text=True, errors="replace", check=check, timeout=120)

    def tool(self, name, *options):
        """Runs one of Kafka's own programs and returns its output."""
        done = subprocess.run([SCRIPT, "tool", name, "--bootstrap-server", self.brokers, *map(str, options)],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{name} exited with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def create_topic(self, topic, partitions, *options, **settings):
        configs = [f"--config={name.replace('_', '.')}={value}" for name, value in settings.items()]
        self.tool(TOPICS, "--create", "--topic", topic, "--partitions", partitions, *options, *configs)

    def add_partitions(self, topic, total):
        self.tool(TOPICS, "--alter", "--topic", topic, "--partitions", total)

    def delete_topic(self, topic):
        self.tool(TOPICS, "--delete", "--topic", topic)

    def partitions(self, topic):
        for found in json.loads(self.kcat("-L", "-J", "-t", topic).stdout)["topics"]:
            if found["topic"] == topic and "error" not in found:
                return len(found["partitions"])
        return 0

    def end_offsets(self, topic):
        """Returns {partition: the offset that its next record will have}."""
        asked = [f"-t{topic}:{partition}:-1" for partition in range(self.partitions(topic))]
        if not asked:
            return {}
        # A broker that was just restarted may have no leader yet for some partition.
        answer = weir.wait_until(lambda: self.complete(self.kcat("-Q", *asked, check=False)), 30, "the end offsets")
        return {int(partition): int(offset) for partition, offset in re.findall(r"\[(\d+)\] offset (\d+)", answer)}

    @staticmethod
    def complete(done):
        """Returns the output of a process that succeeded, otherwise None."""
        return done.stdout if done.returncode == 0 else None

    def records(self, topic):
        """Returns all its records: dicts with partition, offset, ts, key, payload, headers (name, value, name, value…)."""
        if not self.partitions(topic):
            return []
        return [json.loads(line) for line in self.kcat("-C", "-e", "-q", "-J", "-t", topic).stdout.split("\n") if line]

    def counts(self, topic):
        """Returns {partition: the number of records that kcat reads there}."""
        read = self.kcat("-C", "-e", "-q", "-f", "%p\n", "-t", topic).stdout.split()
        return dict(collections.Counter(map(int, read)))

    def produce(self, topic, values, *options):
        """Writes a record for each text of `values`, with kcat. A text has no line break."""
        self.kcat("-P", "-t", topic, *options, text="".join(value + "\n" for value in values))

    def group(self, name):
        """Returns the rows of `kafka-consumer-groups --describe` as dicts by the names of its columns."""
        rows, head = [], None
        for line in self.tool(GROUPS, "--describe", "--group", name).splitlines():
            words = line.split()
            if words[:1] == ["GROUP"]:
                head = words
            elif head and len(words) >= len(head) and words[0] == name:
                rows.append(dict(zip(head, words)))
        return rows

    def lag(self, name):
        """Returns the number of records that the group has not read, by Kafka's own tool. A partition without a committed
        offset counts in full. None: there is no such group."""
        rows = self.group(name)
        return sum(int(row["LOG-END-OFFSET"] if row["LAG"] == "-" else row["LAG"]) for row in rows) if rows else None

    def foreign_member(self, topic, group, session_ms=8000):
        """Starts Kafka's VerifiableConsumer as a member of the group. The caller ends it."""
        member = ForeignMember(self.folder / f"member-{weir.free_port()}")
        member.launch([SCRIPT, "tool", MEMBER, "--bootstrap-server", self.brokers, "--topic", topic, "--group-id", group,
                       "--session-timeout", session_ms, "--assignment-strategy", STICKY])
        return member


class MultiListenerKafka(Kafka):
    """A broker with a listener for each of `names`. Clients of the listener connect to the port `proxied[name]`, which a
    faulty proxy forwards to the listener at `ports[name]`. Kafka's tools connect directly.

    `make_proxy(name, port)` starts a proxy to `port` and returns the port where it listens."""

    def __init__(self, folder, names, make_proxy, **settings):
        super().__init__(folder, **settings)
        self.ports = {name: weir.free_port() for name in names}
        self.proxied = {name: make_proxy(name, port) for name, port in self.ports.items()}
        listening = {**self.ports, "PLAINTEXT": self.port, "CONTROLLER": self.controller_port}
        advertised = {**self.proxied, "PLAINTEXT": self.port}
        self.settings += [
            "listeners=" + ",".join(f"{name}://127.0.0.1:{port}" for name, port in listening.items()),
            "advertised.listeners=" + ",".join(f"{name}://127.0.0.1:{port}" for name, port in advertised.items()),
            "listener.security.protocol.map=" + ",".join(f"{name}:PLAINTEXT" for name in listening)]

    def brokers_by(self, name):
        """Returns KAFKA_BROKERS for a client of that listener."""
        return f"127.0.0.1:{self.proxied[name]}"


class ForeignMember(server.Server):
    NAME = "VerifiableConsumer"

    def events(self):
        """Returns its events, dicts with `name`: startup_complete, partitions_assigned, partitions_revoked, records_consumed…"""
        lines = [line for line in self.log().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def assigned(self):
        """Returns how many partitions it was assigned so far, over all rebalances."""
        return sum(len(event["partitions"]) for event in self.events() if event["name"] == "partitions_assigned")
