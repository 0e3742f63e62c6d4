package nightly

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
)

func TestImages(t *testing.T) {
	line := &releases.Line{Install: releases.Install{Images: map[string]string{
		"php:8.3": "registry.example.org/php:8.3", "mariadb:10.6": "file:///srv/mariadb.tar",
	}}}
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		any   string
		pairs []string
		php   map[string]string // version: image
		of    map[string]string // service: image
	}{
		"the line's": {
			php: map[string]string{"8.3": "registry.example.org/php:8.3", "8.2": ""},
			of:  map[string]string{"mariadb:10.6": "file:///srv/mariadb.tar", "mariadb:10.6" + digest: "file:///srv/mariadb.tar", "mysql:8.0": "mysql:8.0"},
		},
		"of flags": {
			any:   "file:///any.tar",
			pairs: []string{"mysql:8.0=mysql:8.0" + digest, "opensearchproject/opensearch:2.12.0=stand-in"},
			php:   map[string]string{"8.3": "registry.example.org/php:8.3", "8.2": "file:///any.tar"},
			of:    map[string]string{"mysql:8.0": "mysql:8.0" + digest, "opensearchproject/opensearch:2.12.0": "stand-in"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ImagesOf(line, test.any, test.pairs)
			if err != nil {
				t.Fatal(err)
			}
			php, of := map[string]string{}, map[string]string{}
			for version := range test.php {
				php[version], _ = m.php(version)
			}
			for service := range test.of {
				of[service] = m.of(service)
			}
			if diff := cmp.Diff([]map[string]string{test.php, test.of}, []map[string]string{php, of}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !m.HasPHP() {
				t.Error("there is an image with PHP")
			}
		})
	}
	for _, pair := range []string{"php", "=x", "php=with space", "php=file://relative.tar"} {
		if _, err := ImagesOf(line, "", []string{pair}); !isConfig(err) {
			t.Errorf("--image %q: %v; want a *config.Error", pair, err)
		}
	}
	if (Images{"mariadb:10.6": "x"}).HasPHP() {
		t.Error("a database has no PHP")
	}
}
