"""The files for orchestrators: kustomizations rendered by kubectl, objects checked against the schemas of Kubernetes, the
compose file against the model of Compose, and the settings in them by the program itself."""
import base64
import re
import shutil
import subprocess
import sys

from tests.harness import weir

TOOLS = weir.ROOT / "build/vendor/deploy"
DEPLOY = weir.ROOT / "deploy"
KUBERNETES_VERSIONS = ("1.30", "1.36")
STOP_BUDGET_S = 25  # contract, section 6


def load_tools():
    """Imports what scripts/fetch-deploy installed."""
    if not (TOOLS / "installed").exists():
        weir.missing("the schemas for the files of deploy/ (scripts/fetch-deploy)")
    if str(TOOLS / "python") not in sys.path:
        sys.path.insert(0, str(TOOLS / "python"))
    try:
        import compose_spec
        import kubernetes_validate
        import yaml
    except ImportError as error:
        weir.missing(f"packages of scripts/fetch-deploy for this version of Python ({error})")
    return yaml, kubernetes_validate, compose_spec


class Kubernetes(weir.Case):
    def setUp(self):
        super().setUp()
        self.yaml, self.validate, _ = load_tools()
        shutil.copytree(DEPLOY / "kubernetes", self.folder / "kubernetes")
        production = self.folder / "kubernetes/overlays/production"
        shutil.copy(production / "secrets.env.example", production / "secrets.env")
        self.production = self.render("overlays/production")  # contains the base

    def render(self, name):
        done = subprocess.run([str(TOOLS / "kubectl"), "kustomize", str(self.folder / "kubernetes" / name)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return list(self.yaml.safe_load_all(done.stdout))

    def one(self, kind, name):
        found = [one for one in self.production if one["kind"] == kind and one["metadata"]["name"] == name]
        self.assertEqual(len(found), 1, f"{kind} {name}")
        return found[0]

    def generated(self, kind, stem):
        """Returns the object whose name is the stem and a hash of its content."""
        return next(one for one in self.production if one["kind"] == kind and one["metadata"]["name"].startswith(f"{stem}-"))

    def workloads(self):
        return self.one("Deployment", "weir-producer"), self.one("StatefulSet", "weir-consumer")

    def environment(self, container, pod):
        """Returns the environment that the kubelet gives to the container of a pod with that name."""
        values = dict(self.generated("ConfigMap", "weir-settings")["data"])
        secrets = self.generated("Secret", "weir-secrets")
        for entry in container["env"]:
            if "value" in entry:
                value = entry["value"].replace("$(POD_NAME)", pod)
            elif "fieldRef" in entry["valueFrom"]:
                self.assertEqual(entry["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name")
                value = pod
            else:
                reference = entry["valueFrom"]["secretKeyRef"]
                self.assertEqual(reference["name"], secrets["metadata"]["name"])
                value = base64.b64decode(secrets["data"][reference["key"]]).decode()
            values[entry["name"]] = value
        self.assertEqual([one["configMapRef"]["name"] for one in container["envFrom"]],
                         [self.generated("ConfigMap", "weir-settings")["metadata"]["name"]])
        return values

    def test_every_object_matches_its_schema(self):
        self.assertGreater(len(self.production), 10)
        for version in KUBERNETES_VERSIONS:
            for one in self.production:
                self.validate.validate(one, version, strict=True)

    def test_the_schema_check_can_fail(self):
        wrong = self.workloads()[0]
        wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
        with self.assertRaises(self.validate.ValidationError):
            self.validate.validate(wrong, KUBERNETES_VERSIONS[-1], strict=True)

    def test_weir_accepts_the_settings_of_each_pod(self):
        for workload, command in zip(self.workloads(), ("producer", "consumer")):
            container = workload["spec"]["template"]["spec"]["containers"][0]
            self.assertEqual(container["args"], [command])
            shown = subprocess.run([str(weir.BINARY), "config", command], env=self.environment(container, "weir-consumer-1"),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(shown.returncode, 0, shown.stdout)
            rows = {line.split()[0]: " ".join(line.split()[1:]) for line in shown.stdout.splitlines()}
            port = rows["SERVER_PORT" if command == "producer" else "CONSUMER_PORT"].split()[0]
            self.assertEqual(container["ports"], [{"name": "http", "containerPort": int(port)}])
        self.assertEqual(rows["KAFKA_PROPERTY_group_instance_id"], "weir-consumer-1 environment")

    def test_every_pod_is_restricted_and_probed(self):
        for workload in self.workloads():
            pod = workload["spec"]["template"]["spec"]
            security = pod["securityContext"]
            self.assertEqual((security["runAsNonRoot"], security["seccompProfile"]), (True, {"type": "RuntimeDefault"}))
            self.assertFalse(pod["automountServiceAccountToken"])
            container = pod["containers"][0]
            self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                            "capabilities": {"drop": ["ALL"]}})
            self.assertEqual({probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")},
                             {"startupProbe": "/health/live", "livenessProbe": "/health/live",
                              "readinessProbe": "/health/ready"})
            self.assertIn("memory", container["resources"]["limits"])
            waits = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            self.assertGreater(pod["terminationGracePeriodSeconds"], STOP_BUDGET_S + waits)

    def test_every_selector_finds_its_pods(self):
        templates = [workload["spec"]["template"]["metadata"]["labels"] for workload in self.workloads()]
        for one in self.production:
            if one["kind"] == "Service":
                selector = one["spec"]["selector"]
            elif one["kind"] == "NetworkPolicy":
                selector = one["spec"]["podSelector"]["matchLabels"]
            elif one["kind"] in ("PodDisruptionBudget", "Deployment", "StatefulSet"):
                selector = one["spec"]["selector"]["matchLabels"]
            else:
                continue
            found = [labels for labels in templates if selector.items() <= labels.items()]
            self.assertEqual(len(found), 1, one["metadata"])
        target = self.one("HorizontalPodAutoscaler", "weir-producer")["spec"]["scaleTargetRef"]
        self.assertEqual((target["kind"], target["name"]), ("Deployment", "weir-producer"))
        self.assertNotIn("replicas", self.workloads()[0]["spec"])
        self.one("Service", self.workloads()[1]["spec"]["serviceName"])


class Compose(weir.Case):
    def setUp(self):
        super().setUp()
        self.yaml, _, self.spec = load_tools()
        self.text = (weir.ROOT / "docker-compose.yml").read_text()

    def load(self, text):
        """Checks the text as Compose sees it when no variable is set."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        self.spec.PyOptions(apply_merge=True).from_yaml(text).validate()

    def test_the_compose_file_matches_the_model_of_compose(self):
        self.load(self.text)
        with self.assertRaises(Exception):
            self.load(self.text.replace("image: postgres:15", "image: [postgres]"))

    def test_jaeger_starts_only_with_the_profile_tracing(self):
        services = self.yaml.safe_load(self.text)["services"]
        self.assertEqual(services["jaeger"]["profiles"], ["tracing"])
        for name in ("kafka", "postgres", "producer", "consumer"):
            self.assertNotIn("profiles", services[name])
        for name in ("producer", "consumer"):
            self.assertIn("OTEL_EXPORTER_OTLP_ENDPOINT", services[name]["environment"])


if __name__ == "__main__":
    weir.main()
