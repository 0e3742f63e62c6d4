package releases

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServicesFor(t *testing.T) {
	of := func(php ...string) Support { return Support{PHP: php} }
	services, err := ParseServices([]byte(`{
		"magento/project:>=2.4.7 <2.4.8": {"magento": "magento/project:>=2.4.7 <2.4.8", "php": 8.3, "mysql": "mariadb:10.6", "elasticsearch": "elasticsearch:8.11.4", "os": "ubuntu-latest"},
		"magento/project:2.4.8-p1": {"php": [8.3, "8.4", 8.0], "release": "2025-04-08T00:00:00+0000", "eol": "2028-04-09"},
		"magento/project:next": {"php": "9.0"},
		"magento/other:>=1.9 <1.10": {"php": "8.1"}, "magento/other:>=1.10 <1.11": {"php": "8.2"}, "magento/other:next": {"php": "8.3"},
		"magento/project": {"php": 8.4}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		project, version string
		night            bool
		want             Support
		known            bool
	}{
		"in a range":                  {"magento/project", "2.4.7-p3", false, Support{Versions: ">=2.4.7 <2.4.8", PHP: []string{"8.3"}, Database: []string{"mariadb:10.6"}, Search: []string{"elasticsearch:8.11.4"}}, true},
		"a night of the range":        {"magento/project", "2.4.7.1-a20261124+p3", false, Support{Versions: ">=2.4.7 <2.4.8", PHP: []string{"8.3"}, Database: []string{"mariadb:10.6"}, Search: []string{"elasticsearch:8.11.4"}}, true},
		"exact":                       {"magento/project", "2.4.8-p1", false, Support{Versions: "2.4.8-p1", Released: "2025-04-08", EndOfLife: "2028-04-09", PHP: []string{"8.3", "8.4", "8.0"}}, true},
		"a night of an older":         {"magento/project", "2.4.7.1-a20261124+p3", true, Support{Versions: ">=2.4.7 <2.4.8", PHP: []string{"8.3"}, Database: []string{"mariadb:10.6"}, Search: []string{"elasticsearch:8.11.4"}}, true},
		"a night of the newest":       {"magento/project", "2.4.8.1-a20261124+p1", true, Support{Versions: "next", PHP: []string{"9.0"}}, true},
		"a night of the newest range": {"magento/other", "1.10.1", true, Support{Versions: "next", PHP: []string{"8.3"}}, true},
		"a night of an older range":   {"magento/other", "1.9.1", true, Support{Versions: ">=1.9 <1.10", PHP: []string{"8.1"}}, true},
		"a release of the newest":     {"magento/other", "1.10.1", false, Support{Versions: ">=1.10 <1.11", PHP: []string{"8.2"}}, true},
		"all others":                  {"magento/project", "2.5.0", false, of("8.4"), true},
		"another vendor's":            {"acme/project", "1.0.0", false, of("8.4"), true},
		"a night of another vendor's": {"acme/project", "1.0.0", true, of("8.4"), true},
		"another project":             {"acme/shop", "1.0.0", false, Support{}, false},
		"no version":                  {"magento/project", "?", false, Support{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, known := services.For(test.project, test.version, test.night)
			if diff := cmp.Diff(test.want, got); diff != "" || known != test.known {
				t.Errorf("known %v (-want +got):\n%s", known, diff)
			}
		})
	}
}

func TestParseServicesRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":          `{`,
		"no object":        `[]`,
		"no project":       `{"Magento": {"php": 8.3}}`,
		"a mapping":        `{"magento/project": {"php": {"min": 8.3}}}`,
		"a list in a list": `{"magento/project": {"mysql": [["mysql:8.0"]]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseServices([]byte(text)); err == nil {
				t.Errorf("it was read: %v", got)
			}
		})
	}
}

func TestSupportedServices(t *testing.T) {
	var entries map[string]struct{ Source []string }
	if err := json.Unmarshal(supported, &entries); err != nil {
		t.Fatal(err)
	}
	for key, entry := range entries {
		if len(entry.Source) == 0 {
			t.Errorf("%s names no source", key)
		}
	}
}

// Both scheduled nights are proven with every PHP of their branch, with cache and queue.
func TestSupportedNights(t *testing.T) {
	services, err := ParseServices(supported)
	if err != nil {
		t.Fatal(err)
	}
	for project, version := range map[string]string{"mage-os/project-community-edition": "3.4.0.1-a20261130", "magento/project-community-edition": "2.4.9.1-a20261130"} {
		support, _ := services.For(project, version, true)
		cells, err := Matrix{}.Cells(support, "~8.3.0||~8.4.0||~8.5.0")
		php := map[string]bool{}
		for _, c := range cells {
			php[c.PHP] = true
		}
		if err != nil || len(php) != 3 || len(support.Cache) == 0 || len(support.Queue) == 0 {
			t.Errorf("%s: %+v: %v, %v", project, support, cells, err)
		}
	}
}

func TestCells(t *testing.T) {
	support := Support{PHP: []string{"8.2", "8.3", "8.4"}, Database: []string{"mysql:8.0", "mariadb:10.6"}, Search: []string{"opensearchproject/opensearch:2.12.0"}}
	tests := map[string]struct {
		matrix  Matrix
		support Support
		php     string
		want    []string
	}{
		"derived":           {support: support, php: "~8.2.0||~8.3.0", want: []string{"php8.2-mysql8.0-opensearch2.12.0", "php8.2-mariadb10.6-opensearch2.12.0", "php8.3-mysql8.0-opensearch2.12.0", "php8.3-mariadb10.6-opensearch2.12.0"}},
		"a late patch":      {support: support, php: ">=8.3.5 <8.4", want: []string{"php8.3-mysql8.0-opensearch2.12.0", "php8.3-mariadb10.6-opensearch2.12.0"}},
		"the line's":        {matrix: Matrix{PHP: []string{"8.1"}, Database: []string{"mariadb:10.4"}, Search: []string{"none", "stand-in"}}, support: support, php: "~8.2.0", want: []string{"php8.1-mariadb10.4-none", "php8.1-mariadb10.4-stand-in"}},
		"the line's search": {matrix: Matrix{Search: []string{"none"}}, support: support, php: "8.4.*", want: []string{"php8.4-mysql8.0-none", "php8.4-mariadb10.6-none"}},
		"by digest":         {matrix: Matrix{Database: []string{"mariadb:10.6@sha256:0000000000000000000000000000000000000000000000000000000000000000"}}, support: support, php: "8.4.*", want: []string{"php8.4-mariadb10.6-opensearch2.12.0"}},
		"nothing known":     {php: "8.4.*"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cells, err := test.matrix.Cells(test.support, test.php)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cells {
				got = append(got, c.Name())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := (Matrix{}).Cells(support, "8.?"); err == nil {
		t.Error("a constraint that is none was taken")
	}
}

func TestLevels(t *testing.T) {
	tests := map[string]struct {
		level, other Level
		want         bool
	}{
		"itself":           {Setup, Setup, true},
		"one before":       {Shop, Resolve, true},
		"one after":        {Setup, Compile, false},
		"unknown":          {"all", Resolve, false},
		"of an unknown":    {Deploy, "all", false},
		"none, of unknown": {"", "all", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.level.Includes(test.other); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
