"""Several real brokers that form one Kafka cluster. Each is a controller, too, so the cluster survives the loss of one of three."""
import base64
import json
import os
import secrets

from tests.harness import kafka, weir

ELECTION = "org.apache.kafka.tools.LeaderElectionCommand"
REASSIGNMENT = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"


class Node(kafka.Kafka):
    def __init__(self, folder, number, cluster):
        super().__init__(folder)
        self.number, self.cluster = number, cluster
        self.name = f"Kafka node {number}"

    def begin(self):
        voters = ",".join(f"{node.number}@127.0.0.1:{node.controller_port}" for node in self.cluster.nodes)
        os.environ["KAFKA_CLUSTER_ID"] = self.cluster.identity
        try:
            self.launch([kafka.SCRIPT, "run", self.folder, self.port, self.controller_port, *self.settings,
                         f"node.id={self.number}", f"controller.quorum.voters={voters}"])
        finally:
            del os.environ["KAFKA_CLUSTER_ID"]


class KafkaCluster:
    """`nodes` are numbered from 1. start() returns when all answer. `settings` are those of each broker."""

    def __init__(self, folder, count=3, **settings):
        self.folder = folder
        # The id must not begin with a hyphen, because it is an argument.
        self.identity = "A" + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
        self.nodes = []
        for number in range(1, count + 1):
            node = Node(folder / f"node-{number}", number, self)
            node.settings = [f"{name.replace('_', '.')}={value}" for name, value in settings.items()]
            self.nodes.append(node)
        self.brokers = ",".join(node.brokers for node in self.nodes)

    def start(self):
        for node in self.nodes:
            node.begin()
        for node in self.nodes:
            node.ready()
        return self

    def kill(self):
        for node in self.nodes:
            node.kill()

    def up(self):
        """Returns a node that runs, for tools."""
        return next(node for node in self.nodes if node.running)

    def replicas(self, topic):
        """Returns {partition: (leader, replicas, in-sync replicas)} as the node that is asked knows them."""
        found = json.loads(self.up().kcat("-L", "-J", "-t", topic).stdout)["topics"][0]["partitions"]
        return {one["partition"]: (one["leader"], [each["id"] for each in one["replicas"]],
                                   sorted(each["id"] for each in one["isrs"])) for one in found}

    def wait_in_sync(self, topic, seconds=60):
        """Waits until each partition has a leader and all its replicas are in sync."""
        def in_sync():
            return all(leader > 0 and len(isrs) == len(replicas)
                       for leader, replicas, isrs in self.replicas(topic).values())
        weir.wait_until(in_sync, seconds, f"all replicas of {topic} to be in sync")

    def move_leaders(self, topic):
        """Makes the next replica of each partition its leader. Returns when Kafka has accepted it."""
        moved = [{"topic": topic, "partition": partition, "replicas": replicas[1:] + replicas[:1]}
                 for partition, (_, replicas, _) in self.replicas(topic).items()]
        plan = self.folder / "plan.json"
        plan.write_text(json.dumps({"version": 1, "partitions": moved}))
        self.up().tool(REASSIGNMENT, "--reassignment-json-file", plan, "--execute")
        self.up().tool(ELECTION, "--election-type", "preferred", "--all-topic-partitions")
