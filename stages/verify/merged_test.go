package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
)

// What an earlier version of the program published may be what Composer cannot load, or obeys.
func TestMetadataThatComposerCannotTake(t *testing.T) {
	for _, test := range []struct{ keys, want string }{
		{`"conflict":{"acme/other":"~>1.4.0"}`, `no package that Composer loads: conflict acme/other: constraint "~>1.4.0"`},
		{`"bin":[1]`, `no package that Composer loads: "bin" is not text or a list of text; withdraw it`},
		{`"source":{"type":"git","url":"https://evil.example/x.git","reference":"main"}`, `keys ["source"], which Composer obeys`},
		{`"notification-url":"https://evil.example/"`, `keys ["notification-url"], which Composer obeys`},
		{`"transport-options":{}`, `keys ["transport-options"], which Composer obeys`},
	} {
		key, public := keys(t)
		f := folder{t, t.TempDir()}
		sample{name: "2026-11-26"}.publish(t, f.dir, key)
		const file = "p2/acme/module-b.json"
		sum := func() string {
			plain, err := stages.Unrender([]byte(f.read(n3+file)), base)
			if err != nil {
				t.Fatal(err)
			}
			return string(pipeline.DigestOf(plain))
		}
		before, manifest := sum(), f.sum(n3+"nightly.json")
		f.replace(n3+file, `"license"`, test.keys+`,"license"`)
		f.replace(n3+"nightly.json", before, sum())
		f.replace(f.meta()+"/acme/module-b.json", `"license"`, test.keys+`,"license"`)
		f.replace(f.meta()+"/index.json", manifest, f.sum(n3+"nightly.json"))
		f.rename()
		report, err := Repository(t.Context(), f.options(public))
		if err != nil || !strings.Contains(told(report), "/acme/module-b.json: version 2.4.8-alpha20261126: "+test.want) {
			t.Errorf("%s: %v\n%s\nwant %s", test.keys, err, told(report), test.want)
		}
		o := publish.Options{Owner: "test", Now: at(t, "2026-11-26").Add(time.Hour), Trust: key, SignAnew: true}
		if _, err := o.Withdraw(t.Context(), f.dir, []string{"acme/module-b 2.4.8-alpha20261126"}, false); err != nil {
			t.Fatal(err)
		}
		if report, err = Repository(t.Context(), f.options(public)); err != nil || strings.Contains(told(report), test.want) {
			t.Errorf("%s, withdrawn: %v\n%s", test.keys, err, told(report))
		}
	}
}

// A version that was withdrawn is told of, stays withdrawn when more is published and when the metadata is made anew, and
// is not kept back without a word.
func TestWithdrawnVersion(t *testing.T) {
	key, public := keys(t)
	f := folder{t, t.TempDir()}
	sample{name: "2026-11-25"}.publish(t, f.dir, key)
	o := publish.Options{Owner: "test", Now: at(t, "2026-11-25").Add(time.Hour), Trust: key}
	_, err := o.Withdraw(t.Context(), f.dir, []string{"acme/language 1.0.1"}, false)
	if err == nil || !strings.Contains(err.Error(), "has no version acme/language 1.0.1") {
		t.Errorf("%v", err)
	}
	if _, err := o.Withdraw(t.Context(), f.dir, []string{"acme/language 1.0.0"}, false); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		report := clean(t, f.options(public))
		if want := []string{"acme/language 1.0.0"}; !slices.Equal(report.Withdrawn, want) {
			t.Errorf("withdrawn: %q", report.Withdrawn)
		}
		if text := f.read(f.meta() + "/acme/language.json"); strings.Contains(text, `"version":"1.0.0"`) {
			t.Error("it is still there: ", text)
		}
		f.read("dists/acme/language-1.0.0.zip")
	}
	check()
	sample{name: "2026-11-26"}.publish(t, f.dir, key) // it has the same version
	check()
	f.remove(f.meta() + "/index.json")
	sample{name: "2026-11-26"}.publish(t, f.dir, key)
	check()
	f.replace("packages.json", `"acme/language 1.0.0"`, ``)
	if report, err := Repository(t.Context(), f.options(public)); err != nil || !strings.Contains(told(report), "was signed") || !strings.Contains(told(report), "version 1.0.0 of a snapshot that is named is missing") {
		t.Errorf("%v\n%s", err, told(report))
	}
}
