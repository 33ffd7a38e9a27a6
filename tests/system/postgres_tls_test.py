"""sslmode=verify-full to a real PostgreSQL server, with certificates made by the test."""
import shutil

from tests.harness import certificates, postgres, weir


class PostgresTls(weir.Case):
    @classmethod
    def setUpClass(cls):
        postgres.needed()
        folder = weir.temporary_folder(cls.addClassCleanup)
        cls.authority = certificates.Certificates(folder / "tls")
        cls.other = certificates.Certificates(folder / "other")
        certificate, key = cls.authority.issue("postgres")
        cls.server = postgres.Postgres(folder / "postgres", ssl="on", ssl_cert_file=certificate, ssl_key_file=key)
        key.chmod(0o600)
        if cls.server.user:
            shutil.chown(key, cls.server.user)
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()

    def serve(self, name, host="localhost", authority=None, ready=True):
        url = (f"postgresql://{postgres.USER}:{postgres.PASSWORD}@{host}:{self.server.port}/analytics"
               f"?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={(authority or self.authority).authority}")
        return self.weir(name, METRICS_STORE="postgres", DATABASE_URL=url).start(ready=ready)

    def test_verify_full_counts_over_tls(self):
        one = self.serve("tls")
        self.assertEqual(one.post("/activities", [weir.activity() for _ in range(5)]).status, 200)
        one.wait_counted()
        query = ("SELECT DISTINCT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                 "WHERE application_name LIKE 'weir%'")
        self.assertEqual(self.server.rows(query), [("t", "TLSv1.3")])

    def assert_unready(self, one, reason):
        def said():
            try:
                return reason in one.get("/health/ready").body.decode()
            except OSError:
                return False
        weir.wait_until(said, 30, f"{reason!r} in the health report")
        self.assertEqual(one.get("/health/ready").status, 503)
        self.assertIn(reason, one.log())
        self.assertNotIn(f":{postgres.PASSWORD}@", one.log())

    def test_a_server_of_another_authority_is_refused(self):
        self.assert_unready(self.serve("other", authority=self.other, ready=False), "certificate verify failed")

    def test_a_certificate_for_another_host_is_refused(self):
        one = self.serve("host", host="other.example", ready=False)
        self.assert_unready(one, "does not match host name")


if __name__ == "__main__":
    weir.main()
