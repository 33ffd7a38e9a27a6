"""KAFKA_PROPERTY_security_protocol and its companions, with a real broker: TLS, and SASL with PLAIN and SCRAM. The certificates
and the SCRAM users are made by the test. Wrong ones are refused with a clear error, and no secret is shown.

Debian's librdkafka cannot log in with SCRAM to Kafka 4. Those tests load a newer one (scripts/fetch-librdkafka)."""
import time

from tests.harness import certificates, cluster, kafka, postgres, weir

USER, PASSWORD = "weir", "kafka-password-of-weir"
WRONG = "kafka-password-of-nobody"
CONFIGS = "kafka.admin.ConfigCommand"
SESSION_MS = 2500  # of a login with SCRAM-SHA-512 without TLS
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
NEWER_LIBRDKAFKA = weir.ROOT / "build" / "vendor" / "librdkafka" / "librdkafka.so.1"


def pem(pair):
    """Writes the key and the chain into one file, as Kafka wants them (KIP-651), and returns it."""
    certificate, key = pair
    both = certificate.with_suffix(".both.pem")
    both.write_text(key.read_text() + certificate.read_text())
    return both


class SecureKafka(kafka.Kafka):
    """A broker with a listener for each security protocol. Kafka's tools and kcat use PLAINTEXT."""

    def __init__(self, folder, authority):
        super().__init__(folder)
        self.ports = {name: weir.free_port() for name in ("SSL", "SASL_SSL", "SASL_PLAINTEXT", "OTHERHOST")}
        clients = [f"{name}://localhost:{port}" for name, port in {**self.ports, "PLAINTEXT": self.port}.items()]
        self.settings += [
            "listeners=" + ",".join([*clients, f"CONTROLLER://127.0.0.1:{self.controller_port}"]),
            "advertised.listeners=" + ",".join(clients),
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT," +
            ",".join(f"{name}:{name.replace('OTHERHOST', 'SSL')}" for name in self.ports),
            "ssl.keystore.type=PEM", f"ssl.keystore.location={pem(authority.issue('broker'))}",
            f"listener.name.otherhost.ssl.keystore.location={pem(authority.issue('elsewhere', hosts='DNS:elsewhere'))}",
            "listener.name.otherhost.ssl.keystore.type=PEM",
            "ssl.truststore.type=PEM", f"ssl.truststore.location={authority.authority}",
            "listener.name.ssl.ssl.client.auth=required",
            f"listener.name.sasl_plaintext.scram-sha-512.connections.max.reauth.ms={SESSION_MS}",
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
        cls.other = certificates.Certificates(folder / "other")
        cls.client, cls.client_key = cls.authority.issue("client")
        (folder / "kafka").mkdir()
        return SecureKafka(folder / "kafka", cls.authority), postgres.Postgres(folder / "postgres")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kafka.add_users()

    def settings(self, protocol, mechanism=None, password=PASSWORD, listener=None, authority=None, **more):
        properties = {"security_protocol": protocol}
        if protocol.endswith("SSL"):
            properties["ssl_ca_location"] = authority or self.authority.authority
        if protocol == "SSL":
            properties |= {"ssl_certificate_location": self.client, "ssl_key_location": self.client_key}
        if mechanism:
            properties |= {"sasl_mechanism": mechanism, "sasl_username": USER, "sasl_password": password}
        return {"KAFKA_BROKERS": f"localhost:{self.kafka.ports[listener or protocol]}",
                **{f"KAFKA_PROPERTY_{name}": value for name, value in properties.items()}, **more}

    def has_ledger(self):
        return self.sql("SELECT 1 FROM pg_tables WHERE tablename = 'activity_ledger'")

    def assert_counts(self, *ways):
        """Services with these settings, one after another, write events to Kafka, read them and count them."""
        for way, settings in enumerate(ways):
            one = self.make("serve", f"serve-{way}", EVENT_LOG="kafka", METRICS_STORE="postgres", **settings).start()
            before = weir.wait_until(lambda: self.has_ledger() and self.sums(), 30, "the tables")["tallied"]
            reply = one.post("/activities", [weir.activity() for _ in range(20)])
            self.assertEqual((reply.status, reply.json()["accepted"]), (200, 20))
            weir.wait_until(lambda: self.sums()["tallied"] == before + 20, 30, f"the events of {settings}")
            self.assertEqual(one.metric("weir_kafka_connections_failed_total", code="tls_failed"), 0)
            self.assertEqual(one.stop(), 0)
            self.assertNotIn(PASSWORD, one.log())
            self.assertNotIn("librdkafka writes the events", one.log())

    def test_ssl_with_a_client_certificate(self):
        self.assert_counts(self.settings("SSL"))

    def test_plain(self):
        self.assert_counts(self.settings("SASL_SSL", "PLAIN"), self.settings("SASL_PLAINTEXT", "PLAIN"))

    def test_scram(self):
        if not NEWER_LIBRDKAFKA.exists():
            weir.missing("librdkafka 2.6.1 or newer (scripts/fetch-librdkafka)")
        self.assert_counts(self.settings("SASL_PLAINTEXT", "SCRAM-SHA-256", LD_PRELOAD=NEWER_LIBRDKAFKA),
                           self.settings("SASL_SSL", "SCRAM-SHA-512", LD_PRELOAD=NEWER_LIBRDKAFKA))

    def test_it_logs_in_again_before_a_session_ends(self):
        if not NEWER_LIBRDKAFKA.exists():
            weir.missing("librdkafka 2.6.1 or newer (scripts/fetch-librdkafka)")
        settings = self.settings("SASL_PLAINTEXT", "SCRAM-SHA-512", LD_PRELOAD=NEWER_LIBRDKAFKA, LOG_LEVEL="debug")
        one = self.make("producer", "producer", **settings).start()
        until = time.monotonic() + 2.5 * SESSION_MS / 1000
        while time.monotonic() < until:
            self.assertEqual(one.post("/activity", weir.activity()).status, 200, one.log())
            time.sleep(0.1)
        self.assertNotIn("a connection of the producer failed", one.log())
        self.assertEqual(one.stop(), 0)

    def refused(self, command, name, code, reason, **settings):
        """The process stays unready. Within 5 s one log line and the health state the reason; the metrics count refused
        events by `code`. No password is shown."""
        one = self.make(command, name, **settings).start(ready=False)
        begun = time.monotonic()
        self.up(one)
        weir.wait_until(lambda: "Kafka is not reachable" in one.log(), 20, "the log line")
        seconds = time.monotonic() - begun
        lines = [line for line in one.log().splitlines() if "Kafka is not reachable" in line]
        self.assertIn(reason, lines[0])
        self.assertLess(seconds, 5)
        health = one.get("/health/ready")
        self.assertEqual(health.status, 503)
        if command == "producer":
            failed = weir.wait_until(lambda: one.metric("weir_kafka_connections_failed_total", code=code), 5, "the count")
            self.assertGreater(failed, 0)
            self.assertEqual(one.post("/activity", weir.activity()).status, 503)
            self.assertEqual(one.metric("weir_kafka_failed_total", code=code), 1)
        for secret in (PASSWORD, WRONG):
            self.assertNotIn(secret, one.log() + health.body.decode() + one.get("/metrics").body.decode())
        self.assertEqual(one.stop(60), 0)

    def test_a_broker_of_another_authority_is_refused(self):
        settings = self.settings("SASL_SSL", "PLAIN", authority=self.other.authority)
        for command in ("producer", "consumer"):
            self.refused(command, command, "tls_failed", "certificate verify failed", **settings)

    def test_a_broker_with_the_name_of_another_host_is_refused(self):
        settings = self.settings("SSL", listener="OTHERHOST")
        self.refused("producer", "producer", "tls_failed", "certificate verify failed", **settings)

    def test_fault_37_a_wrong_password_is_refused_and_shown_nowhere(self):
        for command, mechanism in (("producer", "PLAIN"), ("producer", "SCRAM-SHA-256"), ("consumer", "SCRAM-SHA-512")):
            settings = self.settings("SASL_SSL", mechanism, WRONG)
            self.refused(command, command + mechanism, "not_authenticated", "uthentication failed", **settings)

    def test_a_client_without_the_certificate_that_the_broker_wants_is_refused(self):
        settings = self.settings("SSL")
        del settings["KAFKA_PROPERTY_ssl_certificate_location"], settings["KAFKA_PROPERTY_ssl_key_location"]
        self.refused("producer", "producer", "tls_failed", "alert", **settings)

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


if __name__ == "__main__":
    weir.main()
