package autoload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/composer"
)

func TestFromLock(t *testing.T) {
	lock, err := composer.ParseLock([]byte(`{
		"packages":[{"name":"A/B","version":"1","type":"metapackage"},
			{"name":"c/d","version":"1","autoload":{"psr-4":{"C\\":["src","lib"]}},"autoload-dev":{"psr-4":{"C\\Test\\":"test"}}}],
		"packages-dev":[{"name":"e/f","version":"1","autoload":{"classmap":["src"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := FromLock(lock)
	if err != nil {
		t.Fatal(err)
	}
	want := []Package{
		{Name: "a/b", Type: "metapackage"},
		{Name: "c/d", Type: "library", Autoload: composer.Autoload{PSR4: []composer.NamespacePaths{{Prefix: `C\`, Paths: []string{"src", "lib"}}}}},
		{Name: "e/f", Type: "library", Autoload: composer.Autoload{Classmap: []string{"src"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFromLockNamesEveryBrokenPackage(t *testing.T) {
	lock, err := composer.ParseLock([]byte(`{"packages":[
		{"name":"a/b","version":"1","autoload":{"psr-4":1}},{"name":"c/d","version":"1","autoload":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = FromLock(lock)
	for _, want := range []string{`"autoload" of a/b: "psr-4": it is a number`, `"autoload" of c/d: it is true or false`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want in it %q", err, want)
		}
	}
}
