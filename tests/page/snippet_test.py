"""Opens pages of another origin that include /weir.js, in Chromium (Debian's package, driven by playwright-core), and reads what
Weir has counted."""
from tests.harness import weir
from tests.page.chromium import ChromiumCase


class Snippet(ChromiumCase):
    def browse(self, service, **more):
        self.run_node(weir.ROOT / "tests/page/snippet/snippet_test.mjs", service, 300, **more)

    def test_each_view_of_a_page_is_counted_once(self):
        self.browse(self.weir(DIMENSIONS="plan=metadata.plan").start())

    def test_each_view_of_a_page_with_a_key_is_counted_once(self):
        self.browse(self.weir(DIMENSIONS="plan=metadata.plan", API_KEYS="page:key-of-page").start(), WEIR_KEY="key-of-page")


if __name__ == "__main__":
    weir.main()
