"""KAFKA_PROPERTY_security_protocol and its companions, with a real broker that asks for a client's certificate. The certificates
are made by the test. Wrong ones are refused with a clear error."""
from tests.harness import certificates, cluster, kafka, postgres, weir

USER, PASSWORD = "weir", "kafka-password-of-weir"
WRONG = "kafka-password-of-nobody"
CONFIGS = "kafka.admin.ConfigCommand"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class SecureKafka(kafka.Kafka):
    """A broker with a listener for each security protocol. Kafka's tools and kcat use PLAINTEXT."""

    def __init__(self, folder, authority):
        super().__init__(folder)
        certificate, key = authority.issue("broker")
        keystore = folder / "broker.pem"  # Kafka reads the key and the chain from one file (KIP-651)
        keystore.write_text(key.read_text() + certificate.read_text())
        self.ports = {name: weir.free_port() for name in ("SSL", "SASL_SSL", "SASL_PLAINTEXT")}
        clients = [f"{name}://localhost:{port}" for name, port in {**self.ports, "PLAINTEXT": self.port}.items()]
        self.settings += [
            "listeners=" + ",".join([*clients, f"CONTROLLER://127.0.0.1:{self.controller_port}"]),
            "advertised.listeners=" + ",".join(clients),
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT," +
            ",".join(f"{name}:{name}" for name in self.ports),
            "ssl.keystore.type=PEM", f"ssl.keystore.location={keystore}",
            "ssl.truststore.type=PEM", f"ssl.truststore.location={authority.authority}",
            "listener.name.ssl.ssl.client.auth=required",
            "sasl.enabled.mechanisms=" + ",".join(MECHANISMS)]
        for name in ("sasl_ssl", "sasl_plaintext"):
            login = f"listener.name.{name}."
            scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            self.settings += [
                f"{login}plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'user_{USER}="{PASSWORD}";',
                f"{login}scram-sha-256.sasl.jaas.config={scram}", f"{login}scram-sha-512.sasl.jaas.config={scram}"]

    def add_users(self):
        for name in MECHANISMS[1:]:  # Kafka takes one credential of a user in each request
            self.tool(CONFIGS, "--alter", "--add-config", f"{name}=[password={PASSWORD}]", "--entity-type", "users",
                      "--entity-name", USER)


class KafkaSecurity(cluster.Case):
    @classmethod
    def servers(cls, folder):
        cls.authority = certificates.Certificates(folder / "tls")
        cls.client, cls.client_key = cls.authority.issue("client")
        (folder / "kafka").mkdir()
        return SecureKafka(folder / "kafka", cls.authority), postgres.Postgres(folder / "postgres")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kafka.add_users()

    def settings(self, protocol, mechanism=None, password=PASSWORD, authority=None, **more):
        properties = {"security_protocol": protocol}
        if protocol.endswith("SSL"):
            properties["ssl_ca_location"] = authority or self.authority.authority
        if protocol == "SSL":
            properties |= {"ssl_certificate_location": self.client, "ssl_key_location": self.client_key}
        if mechanism:
            properties |= {"sasl_mechanism": mechanism, "sasl_username": USER, "sasl_password": password}
        return {"KAFKA_BROKERS": f"localhost:{self.kafka.ports[protocol]}",
                **{f"KAFKA_PROPERTY_{name}": value for name, value in properties.items()}, **more}

    def has_ledger(self):
        return self.sql("SELECT 1 FROM pg_tables WHERE tablename = 'activity_ledger'")

    def assert_counts(self, name, **settings):
        """A service with these settings writes events to Kafka, reads them and counts them."""
        one = self.make("serve", name, EVENT_LOG="kafka", METRICS_STORE="postgres", **settings).start()
        before = weir.wait_until(lambda: self.has_ledger() and self.sums(), 30, "the tables")["tallied"]
        reply = one.post("/activities", [weir.activity() for _ in range(20)])
        self.assertEqual((reply.status, reply.json()["accepted"]), (200, 20))
        weir.wait_until(lambda: self.sums()["tallied"] == before + 20, 60, f"the events of {name}")
        self.assertEqual(one.stop(), 0)
        self.assertNotIn(PASSWORD, one.log())

    def test_ssl_with_a_client_certificate(self):
        self.assert_counts("ssl", **self.settings("SSL"))

    def assert_refused(self, one, reason):
        """It stays unready, and the log says why; events are refused; no password is shown."""
        def health():
            return one.get("/health/ready")
        try:
            weir.wait_until(lambda: reason in one.log(), 20, f"{reason!r} in the log")
        except AssertionError as late:
            raise AssertionError(f"{late}: {one.log()[-3000:]}") from None
        self.assertEqual(health().status, 503)
        if one.command != "consumer":
            self.assertEqual(one.post("/activity", weir.activity()).status, 503)
        for secret in (PASSWORD, WRONG):
            self.assertNotIn(secret, one.log() + health().body.decode() + one.get("/metrics").body.decode())
        self.assertEqual(one.stop(60), 0)

    def test_a_client_without_the_certificate_that_the_broker_wants_is_refused(self):
        settings = self.settings("SSL")
        del settings["KAFKA_PROPERTY_ssl_certificate_location"], settings["KAFKA_PROPERTY_ssl_key_location"]
        one = self.make("producer", "producer", **settings)
        self.assert_refused(one.start(ready=False) and self.up(one), "certificate")

    def test_a_file_that_is_missing_is_refused_at_start(self):
        settings = self.settings("SSL", KAFKA_PROPERTY_ssl_ca_location=self.folder / "gone.pem")
        one = self.make("producer", "producer", **settings).start(ready=False)
        self.assertEqual(one.process.wait(30), 2)
        self.assertIn("gone.pem", one.log())

    @staticmethod
    def up(one):
        """Waits until it answers, although it is not ready."""
        def answers():
            try:
                return one.get("/health/live").status == 200
            except OSError:
                return False
        weir.wait_until(answers, 30, "weir to answer")
        return one


if __name__ == "__main__":
    weir.main()
