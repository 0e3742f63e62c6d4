package lines

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases/config"
)

// goodLine uses every key; each bad line is one change to it.
const goodLine = `name: mine
title: My distribution
vendor: mine
rename:
  magento: mine
url: https://nightly.example.org/
lock: shop
versions:
  policy: nightly
  fallback: 0.1.0
  skip-tags: ["v*"]
upstream:
  repository: https://mirror.example.org/
  package: magento/product-community-edition
  version: 2.4.8-p1
  extra: [magento/zend-log]
composer-repositories:
  - url: https://packages.example.org
repositories:
  - name: shop
    url: https://git.example.org/shop.git
    ref: main
    packages:
      - each: app/code/Mine
        exclude: [_metapackage/]
      - metapackage: app/code/Mine/_metapackage
      - directory: lib/split
        optional: true
      - directory: .
        exclude: [app/code/]
        base:
          manifest:
            name: magento/magento2-base
            type: magento2-component
            extra:
              chmod:
                - mask: "0755"
                  path: bin/magento
          empty-directories: [app/code/Mine]
          require: nightly
  - name: tools
    url: ssh://git@git.example.org/tools.git
    ref: release/1.x
    packages:
      - directory: .
editions:
  - name: product
    type: product
    repository: shop
    description: All of it
    base: magento2-base
    require:
      - package: mine/tools
        constraint: "*"
      - package: other/module
        latest-tag: https://git.example.org/other.git
  - name: project
    type: project
    repository: shop
    description: A shop
    product: product
edits:
  - package: mine/module-search
    reason: It is not used.
    remove:
      - section: require
        name: other/search
    set:
      - section: suggest
        name: other/search
        constraint: for large shops
install:
  project: project
  run: [pub/index.php]
  expect: [Hello]
keep: 3
`

// badLines are changes to goodLine: the first text becomes the second. "" stands
// for the whole line.
var badLines = []struct{ name, old, new string }{
	{"unknown key with a neighbour", "ref: main", "reff: main"},
	{"trust that is no root", "lock: shop", "lock: shop\ntrust: trust/nightly"},
	{"trust for another URL", "lock: shop", `lock: shop
trust: '{"signed": {"_type": "root", "x-nightly": {"url": "https://other.example.org/"}}}'`},
	{"unknown key at the top", "lock: shop", "locks: shop"},
	{"unknown key without a neighbour", "keep: 3", "schedule: daily"},
	{"unknown key in a require", "latest-tag:", "latest_tag:"},
	{"local cannot be set", "ref: main", "ref: main\n    local: true"},
	{"key twice", "keep: 3", "keep: 3\nname: other"},
	{"key that is no text", "keep: 3", "keep: 3\n1: x"},
	{"merge key", "upstream:\n", "upstream:\n  <<: {version: 2.4.8}\n"},
	{"number for text", "ref: main", "ref: 2.4"},
	{"true for text", "ref: main", "ref: true"},
	{"text for number", "keep: 3", "keep: three"},
	{"fraction for number", "keep: 3", "keep: 3.5"},
	{"octal number", "keep: 3", "keep: 0o17"},
	{"huge number", "keep: 3", "keep: 99999999999999999999"},
	{"text for list", "run: [pub/index.php]", "run: pub/index.php"},
	{"text for mapping", "  - url: https://packages.example.org", "  - https://packages.example.org"},
	{"list for text", "title: My distribution", "title: [a]"},
	{"text for true or false", "optional: true", "optional: \"yes\""},
	{"empty value", "title: My distribution", "title:"},
	{"empty list value", "run: [pub/index.php]", "run:"},
	{"null repository", "  - name: tools\n", "  -\n  - name: tools\n"},
	{"tag", "title: My distribution", "title: !!str 3"},
	{"alias without anchor", "title: My distribution", "title: *t"},
	{"alias of itself", "run: [pub/index.php]", "run: &r [*r]"},
	{"second document", "keep: 3", "keep: 3\n---\nname: b"},
	{"directive", "", "%YAML 1.2\n---\nname: a\n"},
	{"empty", "", ""},
	{"only a comment", "", "# nothing\n"},
	{"a list", "", "- a\n"},
	{"broken YAML", "title: My distribution", "title: \"My"},
	{"bad indentation", "  fallback: 0.1.0", " fallback: 0.1.0"},
	{"tabulator", "  policy: nightly", "\tpolicy: nightly"},
	{"not UTF-8", "title: My distribution", "title: My \xff"},
	{"control character", "title: My distribution", "title: My \x1b[31m"},
	{"escaped control character", "title: My distribution", `title: "My\u001b"`},
	{"too large", "title: My distribution", "title: \"" + strings.Repeat("x", config.MaxFile) + "\""},
	{"too many words", "run: [pub/index.php]", "run: [" + strings.Repeat("a,", 20_000) + "]"},
	{"nested lists", "run: [pub/index.php]", "run: " + strings.Repeat("[", 50)},
	{"nested blocks", "run: [pub/index.php]", "run:\n    " + strings.Repeat("- ", 50) + "a"},
	{"indented far", "run: [pub/index.php]", "run:\n" + strings.Repeat(" ", 300) + "- a"},
	{"aliases that multiply", "            extra:\n", "            extra:\n" + multiplied()},

	{"no name", "name: mine\n", ""},
	{"name", "name: mine", "name: my line"},
	{"vendor", "vendor: mine", "vendor: Mine"},
	{"vendor with slash", "vendor: mine", "vendor: mine/shop"},
	{"rename to itself", "  magento: mine", "  magento: magento"},
	{"rename in a circle", "  magento: mine", "  magento: adobe\n  adobe: mine\n  mine: magento"},
	{"rename twice", "  magento: mine", "  magento: adobe\n  adobe: mine"},
	{"rename to no vendor", "  magento: mine", "  magento: Mine!"},
	{"url without slash", "url: https://nightly.example.org/", "url: https://nightly.example.org"},
	{"url over http", "url: https://nightly.example.org/", "url: http://nightly.example.org/"},
	{"url without host", "url: https://nightly.example.org/", "url: https:///x/"},
	{"url with query", "url: https://nightly.example.org/", "url: https://nightly.example.org/?a=/"},
	{"lock", "lock: shop", "lock: shopp"},
	{"policy", "policy: nightly", "policy: weekly"},
	{"fallback", "fallback: 0.1.0", "fallback: main"},
	{"skip-tags", `skip-tags: ["v*"]`, `skip-tags: ["[v", ""]`},
	{"upstream package", "package: magento/product-community-edition", "package: product-community-edition"},
	{"upstream without package", "  package: magento/product-community-edition\n", ""},
	{"upstream version", "version: 2.4.8-p1", "version: latest"},
	{"upstream extra twice", "extra: [magento/zend-log]", "extra: [magento/zend-log, magento/zend-log, x]"},
	{"composer repository twice", "  - url: https://packages.example.org", "  - url: https://packages.example.org\n  - url: https://packages.example.org"},
	{"composer repository over ssh", "  - url: https://packages.example.org", "  - url: ssh://packages.example.org"},
	{"keep nothing", "keep: 3", "keep: 0"},

	{"no repositories", "", "name: a\nvendor: a\nurl: https://a.example.org/\n"},
	{"repository name twice", "- name: tools", "- name: Shop"},
	{"repository name", "- name: tools", "- name: ../tools"},
	{"repository without name", "- name: tools\n    url", "- url"},
	{"repository URL in git's short form", "ssh://git@git.example.org/tools.git", "git@git.example.org:tools.git"},
	{"repository URL with password", "ssh://git@git.example.org/tools.git", "https://me:secret@git.example.org/tools.git"},
	{"repository URL with token", "ssh://git@git.example.org/tools.git", "https://token@git.example.org/tools.git"},
	{"repository URL of git", "ssh://git@git.example.org/tools.git", "git://git.example.org/tools.git"},
	{"repository URL that runs a program", "ssh://git@git.example.org/tools.git", "ext::sh -c id"},
	{"repository URL whose host is an option", "ssh://git@git.example.org/tools.git", "ssh://-oProxyCommand=id/tools.git"},
	{"repository URL of a relative file", "ssh://git@git.example.org/tools.git", "file://tools.git"},
	{"repository URL embedded", "ssh://git@git.example.org/tools.git", "embedded:../x"},
	{"repository URL missing", "    url: ssh://git@git.example.org/tools.git\n", ""},
	{"ref missing", "    ref: main\n", ""},
	{"ref as an option", "ref: main", "ref: --upload-pack=id"},
	{"ref for a shell", "ref: main", "ref: \"main$(id)\""},
	{"ref with a blank", "ref: main", "ref: my branch"},
	{"ref with a range", "ref: main", "ref: a..b"},
	{"tags", "    ref: main\n", "    ref: main\n    tags: about 2\n"},
	{"no packages", "    packages:\n      - directory: .\n", ""},
	{"each and directory", "- each: app/code/Mine", "- each: app/code/Mine\n        directory: lib"},
	{"neither each nor directory", "- each: app/code/Mine\n        exclude", "- exclude"},
	{"package outside", "- each: app/code/Mine", "- each: ../other"},
	{"package with an absolute path", "- each: app/code/Mine", "- each: /app/code/Mine"},
	{"package path not clean", "- directory: lib/split", "- directory: ./lib//split/"},
	{"package path with backslash", "- directory: lib/split", `- directory: lib\split`},
	{"package in .git", "- directory: lib/split", "- directory: .Git/hooks"},
	{"package twice", "- directory: lib/split", "- directory: ."},
	{"package built twice", "exclude: [_metapackage/]", "exclude: [dev/]"},
	{"exclude everything", "exclude: [app/code/]", "exclude: [., \"\", ../x/]"},
	{"metapackage with exclude", "- metapackage: app/code/Mine/_metapackage", "- metapackage: app/code/Mine/_metapackage\n        exclude: [x]"},
	{"base of each", "      - directory: .\n        exclude: [app/code/]", "      - each: lib\n        exclude: [app/code/]"},
	{"base without manifest", "          manifest:\n            name: magento/magento2-base\n            type: magento2-component\n            extra:\n              chmod:\n                - mask: \"0755\"\n                  path: bin/magento\n", ""},
	{"base with computed parts", "type: magento2-component\n            extra:", "version: 1.0.0\n            require: {php: \"*\"}\n            extra:\n              map: []"},
	{"base with replace", "type: magento2-component\n            extra:", "type: magento2-component\n            replace: {components/jquery: 1.11.0}\n            extra:"},
	{"base with component_paths", "            extra:\n", "            extra:\n              component_paths: {components/jquery: lib/web/jquery.js}\n"},
	{"base with octal number", `mask: "0755"`, "mask: 0755"},
	{"base manifest that is no composer.json", "type: magento2-component", "type: [library]"},
	{"base manifest with a key twice", "type: magento2-component", "type: library\n            type: project"},
	{"base require", "require: nightly", "require: declared"},
	{"base require without a lock", "lock: shop\n", ""},
	{"base empty directory", "empty-directories: [app/code/Mine]", "empty-directories: [/app]"},

	{"edition name with vendor", "- name: product", "- name: mine/product"},
	{"edition twice", "- name: project", "- name: product"},
	{"edition type", "type: project", "type: projekt"},
	{"edition repository", "repository: shop\n    description: All", "repository: schop\n    description: All"},
	{"edition description", "    description: A shop\n", ""},
	{"edition base", "base: magento2-base", "base: magento-base"},
	{"project without product", "    product: product\n", ""},
	{"project of an unknown product", "    product: product\n", "    product: minimal\n"},
	{"product of a product", "base: magento2-base", "product: product"},
	{"project with base", "    product: product\n", "    product: product\n    base: magento2-base\n"},
	{"require with both", `constraint: "*"`, `constraint: "*"` + "\n        latest-tag: https://git.example.org/a.git"},
	{"require with neither", "        constraint: \"*\"\n", ""},
	{"require constraint", `constraint: "*"`, "constraint: about 3"},
	{"require twice", "package: other/module", "package: mine/tools"},
	{"require without name", "package: other/module", "package: \"\""},
	{"edit under the old name", "package: mine/module-search", "package: magento/module-search"},
	{"edit without reason", "    reason: It is not used.\n", ""},
	{"edit of nothing", "    remove:\n      - section: require\n        name: other/search\n    set:\n      - section: suggest\n        name: other/search\n        constraint: for large shops\n", ""},
	{"edit section", "section: require", "section: requires"},
	{"edit without section", "section: require\n        name", "name"},
	{"edit removes with constraint", "name: other/search\n    set:", "name: other/search\n        constraint: ^1.0\n    set:"},
	{"edit sets without constraint", "        constraint: for large shops\n", ""},
	{"edit twice", "section: suggest", "section: require"},
	{"install project", "project: project\n  run", "project: shop\n  run"},
	{"install run outside", "run: [pub/index.php]", "run: [../../etc/passwd, -r]"},
	{"install expects without run", "  run: [pub/index.php]\n", ""},
	{"install level", "expect: [Hello]", "expect: [Hello]\n  level: shpo"},
	{"install search", "expect: [Hello]", "expect: [Hello]\n  search: solr"},
	{"run tests of what is not installed", "expect: [Hello]", "expect: [Hello]\n  level: resolve\n  tests: {suites: [unit]}"},
	{"run tests of another suite", "expect: [Hello]", "expect: [Hello]\n  tests: {suites: [units]}"},
	{"install sample data without a shop", "expect: [Hello]", "expect: [Hello]\n  sample-data: true"},
	{"install matrix", "expect: [Hello]", "expect: [Hello]\n  matrix: {php: ['8', '8.3', '8.3'], database: ['postgres:16', mariadb], search: ['solr:9']}"},
	{"install images", "expect: [Hello]", "expect: [Hello]\n  images: {'postgres:16': 'postgres:16', 'php:8.3': 'with space', 'mariadb:10.6': 'file:///srv/mariadb.tar'}"},
	{"install expects nothing", "expect: [Hello]", "expect: [\"\"]"},
	{"committer", "keep: 3", "keep: 3\ncommitter: {name: 'A <b>', email: nowhere}"},

	{"several at once", "ref: main\n    packages:", "branch: main\n    packages: none\n  - name: shop\n    url: git://x\n    ref: -x\n    packages:"},
}

// multiplied is YAML that is small as written and has 9 to the power of 9 values
// when its aliases are followed.
func multiplied() string {
	var b strings.Builder
	b.WriteString("              l0: &l0 x\n")
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&b, "              l%d: &l%[1]d [%s]\n", i, strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 9))
	}
	return b.String()
}

func TestGoodLine(t *testing.T) {
	if _, err := Parse("good.yaml", []byte(goodLine)); err != nil {
		t.Error(err)
	}
}

func TestBadLines(t *testing.T) {
	var got bytes.Buffer
	names := map[string]bool{}
	for _, c := range badLines {
		text := c.new
		if c.old != "" {
			text = strings.Replace(goodLine, c.old, c.new, 1)
		}
		if text == goodLine || names[c.name] {
			t.Fatalf("case %q changes nothing, or comes twice", c.name)
		}
		names[c.name] = true
		line, err := Parse("line.yaml", []byte(text))
		var bad *config.Error
		if !errors.As(err, &bad) || line != nil {
			t.Errorf("%s: Parse gave %v and %v, want no line and a *config.Error", c.name, line, err)
			continue
		}
		fmt.Fprintf(&got, "%s\n    %s\n", c.name, strings.ReplaceAll(err.Error(), "\n", "\n    "))
	}
	golden.Compare(t, "testdata/badlines.golden", got.Bytes())
}
