package composer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLock(t *testing.T) {
	const framework = `{"name":"magento/framework","version":"103.0.8-p3","require":{"php":"~8.3.0","ext-curl":"*"},` +
		`"provide":{"psr/log-implementation":"1.0"},"replace":{"a/b":"self.version"},"type":"magento2-library",` +
		`"autoload":{"psr-4":{"Magento\\Framework\\":""},"files":["registration.php"]}}`
	const phpunit = `{"name":"PHPUnit/phpunit","version":"9.6.20","dist":{"type":"zip","url":"https://example.org/x.zip"}}`
	got, err := ParseLock([]byte(`{"_readme":["x"],"content-hash":"0","packages":[` + framework + `],"packages-dev":[` + phpunit + `],"aliases":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Lock{
		Packages: []LockPackage{{
			Name: "magento/framework", Version: "103.0.8-p3", Type: "magento2-library",
			Require:  []Link{{"php", "~8.3.0"}, {"ext-curl", "*"}},
			Replace:  []Link{{"a/b", "self.version"}},
			Provide:  []Link{{"psr/log-implementation", "1.0"}},
			Autoload: json.RawMessage(`{"psr-4":{"Magento\\Framework\\":""},"files":["registration.php"]}`),
			Manifest: parse(t, framework),
		}},
		PackagesDev: []LockPackage{{
			Name: "phpunit/phpunit", Version: "9.6.20", Type: "library", Manifest: parse(t, phpunit),
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseLockRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"a composer.json", `{"name":"a/b","require":{}}`, []string{"is it a composer.lock"}},
		{"broken", "{\n\"packages\": [}", []string{"composer.lock: 2:14: invalid character"}},
		{"packages is an object", `{"packages":{}}`, []string{`"packages" is an object`}},
		{"package is text", `{"packages":["a/b"]}`, []string{"packages[0]: package is text"}},
		{"all at once", `{"packages":[{"name":"x"},{"name":"a/b"}],"packages-dev":[{"name":"a/b","version":1}]}`,
			[]string{`packages[0]: package name "x"`, "packages[1]: package a/b has no version", `packages-dev[0]: package a/b: "version" is a number`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseLock([]byte(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want in it %q", err, want)
				}
			}
		})
	}
}
