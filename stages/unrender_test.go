package stages

import "testing"

// What Render makes absolute, Unrender makes relative again, byte for byte.
func TestUnrender(t *testing.T) {
	const base = "https://example.org/a/"
	for _, text := range []string{
		`{"packages":[],"metadata-url":"p2/%package%.json"}`,
		`{"packages":{"acme/a":[{"version":"1.0","dist":{"url":"dists/acme/a-1.0+p1.zip","shasum":""},"homepage":"https://example.org/a/b"}]}}`,
		`{"packages":{"acme/a":[{"dist":{"url":"dists/acme/a ü%.zip"}}]}}`,
		`{"packages":{"acme/a":[{"dist":{"url":"https://elsewhere.example.org/x.zip"}}]}}`,
	} {
		rendered, err := Render([]byte(text), base)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Unrender(rendered, base)
		if err != nil || string(back) != text {
			t.Errorf("%s, %v; want %s", back, err, text)
		}
	}
}
