package lines

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
)

func TestParsePull(t *testing.T) {
	line := goodParsed(t)
	line.Repositories[0].Name, line.Repositories[0].URL = "shop", "https://github.com/acme/mageos-shop.git"
	const id = "0123456789abcdef0123456789abcdef01234567"
	pull := func(commit string) Pull {
		return Pull{"shop", releases.Merged{Title: "acme/mageos-shop#123", URL: "https://github.com/acme/mageos-shop.git", Ref: "refs/pull/123/head", Commit: commit}}
	}
	fork := func(owner, name string) Pull {
		return Pull{"shop", releases.Merged{Title: owner + "/" + name + "@fix/it", URL: "https://github.com/" + owner + "/" + name + ".git", Ref: "refs/heads/fix/it"}}
	}
	for text, want := range map[string]Pull{
		"acme/mageos-shop#123":                                  pull(""),
		"Acme/Mageos-Shop#123":                                  {"shop", releases.Merged{Title: "Acme/Mageos-Shop#123", URL: pull("").URL, Ref: pull("").Ref}},
		"https://github.com/acme/mageos-shop/pull/123/files#r1": pull(""),
		"acme/mageos-shop#123@" + id:                            pull(id),
		"acme/mageos-shop#123@" + id[:10]:                       pull(id[:10]),
		"ada/mageos-shop@fix/it":                                fork("ada", "mageos-shop"),
		"shop=ada/their-shop@fix/it":                            fork("ada", "their-shop"),
	} {
		got, err := ParsePull(line, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"acme/other#1":                                     "builds no repository at https://github.com/acme/other",
		"https://else.org/a/b#1":                           "builds no repository at https://else.org/a/b",
		"acme/mageos-shop#0":                               "want a pull request",
		"acme/mageos-shop#1@short":                         "want a pull request",
		"acme/mageos-shop":                                 "want a pull request",
		"ada/their-shop@fix/it":                            "write NAME=ada/their-shop@fix/it",
		"none=ada/mageos-shop@main":                        "write NAME=ada/mageos-shop@main",
		"https://ada:geheim@else.org/ada/mageos-shop@main": "want a pull request",
		"ada/mageos-shop@../x":                             "ada/mageos-shop@../x",
		"acme/mageos-shop#123\n@" + id + "/../x":           "want a pull request",
	} {
		if got, err := ParsePull(line, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, %v; want %q", text, got, err, want)
		}
	}
}
