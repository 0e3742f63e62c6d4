package composer

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
)

func zipOf(t *testing.T, files ...string) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, file := range files {
		name, content, _ := strings.Cut(file, " ")
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestZipManifest(t *testing.T) {
	for name, test := range map[string]struct {
		files []string
		want  string // part of the error, or the package's name
	}{
		"at its root":            {[]string{`a/composer.json {"name": "no/this"}`, `composer.json {"name": "acme/one"}`}, "acme/one"},
		"in its one folder":      {[]string{`one-1.0/composer.json {"name": "acme/one"}`, `one-1.0/src/composer.json {"name": "no/this"}`}, "acme/one"},
		"made by macOS":          {[]string{`__MACOSX/composer.json binary`, `one/composer.json {"name": "acme/one"}`, `__MACOSX/one/._composer.json binary`}, "acme/one"},
		"nothing but macOS":      {[]string{`__MACOSX/composer.json {"name": "no/this"}`}, "it holds no composer.json"},
		"deeper":                 {[]string{`a/b/composer.json {"name": "no/this"}`}, "it holds no composer.json"},
		"a broken composer.json": {[]string{`composer.json {`}, "read composer.json"},
	} {
		t.Run(name, func(t *testing.T) {
			z := zipOf(t, test.files...)
			m, _, err := ZipManifest(z, z.Size())
			if err == nil && m.Name() != test.want || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v; want %s", m, err, test.want)
			}
		})
	}
}

func TestIsZip(t *testing.T) {
	for name, want := range map[string]bool{"a/one.zip": true, "one.zip": true, "a/._one.zip": false, "._one.zip": false, "._a/one.zip": true, "one.tar": false} {
		if got := IsZip(name); got != want {
			t.Errorf("IsZip(%s) = %v", name, got)
		}
	}
}
