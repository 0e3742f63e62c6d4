package autoload

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/composer"
)

// pkg makes a package of an autoload section.
func pkg(t testing.TB, name, kind, section string) Package {
	t.Helper()
	if section == "" {
		section = "{}"
	}
	m, err := composer.ParseManifest([]byte(`{"autoload":` + section + `}`))
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.Autoload()
	if err != nil {
		t.Fatal(err)
	}
	return Package{Name: name, Type: kind, Autoload: a}
}

// shop is a small set of packages with every way in which a class is found.
func shop(t testing.TB) []Package {
	root := pkg(t, "acme/a-project", "project", `{"psr-4":{"Magento\\":"app/code/Magento","Magento\\Framework\\":"lib"},"psr-0":{"":["app/code"]}}`)
	return []Package{
		root,
		pkg(t, "acme/sniffs", "library", `{"psr-4":{"Acme\\":"src"}}`),
		pkg(t, "magento/framework", "magento2-library", `{"psr-4":{"Magento\\Framework\\":""},"files":["registration.php"]}`),
		pkg(t, "magento/framework-amqp", "magento2-library", `{"psr-4":{"Magento\\Framework\\Amqp\\":""},"files":["registration.php"]}`),
		pkg(t, "magento/module-catalog", "magento2-module", `{"psr-4":{"Magento\\Catalog\\":[""]},"files":["registration.php"]}`),
		pkg(t, "mage-os/magento2-base", "magento2-component", ``),
		pkg(t, "magento/zend-db", "library", `{"psr-0":{"Zend_Db":"library/"}}`),
		pkg(t, "wikimedia/less.php", "library", `{"psr-0":{"Less":"lib/"},"classmap":["lessc.inc.php"]}`),
		pkg(t, "2tvenom/cborencode", "library", `{"psr-0":{"CBOR":"src"}}`),
		pkg(t, "cm/session", "library", `{"psr-0":{"Cm\\RedisSession\\":"src/"}}`),
		pkg(t, "colinmollenhour/credis", "library", `{"classmap":["Client.php"]}`),
		pkg(t, "colinmollenhour/cache-backend-file", "magento-module", `{"classmap":["File.php"]}`),
		pkg(t, "psr/log", "library", `{"psr-4":{"Psr\\Log\\":"src"}}`),
		pkg(t, "psr/http-message", "library", `{"psr-4":{"Psr\\Http\\Message\\":"src/"}}`),
		pkg(t, "psr/http-factory", "library", `{"psr-4":{"Psr\\Http\\Message\\":"src/"}}`),
		pkg(t, "codeception/codeception", "library", `{"psr-4":{"Codeception\\":"src"}}`),
		pkg(t, "codeception/a-stub", "library", `{"psr-4":{"Codeception\\Stub\\":"src"}}`),
		pkg(t, "codeception/stub", "library", `{"psr-4":{"Codeception\\":"src"}}`),
		pkg(t, "symfony/polyfill-php80", "library", `{"psr-4":{"Symfony\\Polyfill\\Php80\\":""},"classmap":["Resources/stubs"]}`),
		pkg(t, "guzzlehttp/guzzle", "library", `{"psr-4":{"GuzzleHttp\\":"src/"}}`),
		pkg(t, "symfony/deprecation-contracts", "library", `{"files":["function.php"]}`),
		pkg(t, "composer/composer", "library", `{"psr-4":{"Composer\\":"src/Composer"}}`),
	}
}

func TestFind(t *testing.T) {
	tests := []struct{ name, class, want string }{
		{"psr-4", `Magento\Catalog\Model\Product`, "magento/module-catalog"},
		{"leading backslash", `\Magento\Catalog\Model\Product`, "magento/module-catalog"},
		{"longest psr-4", `Magento\Framework\Amqp\Config`, "magento/framework-amqp"},
		{"shorter psr-4 before a like-named one", `Magento\Framework\AmqpConfig`, "magento/framework"},
		{"the prefix itself is no class", `Psr\Log`, ""},
		{"case of the prefix", `magento\Catalog\Model\Product`, ""},
		{"project gives way", `Magento\Framework\App`, "magento/framework"},
		{"project has what nobody else has", `Magento\Unknown\Model`, "acme/a-project"},
		{"empty prefix claims nothing", `Nobody\Knows`, ""},
		{"psr-0 with underscores", "Zend_Db_Adapter_Pdo_Mysql", "magento/zend-db"},
		{"psr-0 prefix as a class", "Zend_Db", "magento/zend-db"},
		{"psr-0 only at a separator", "Zend_Dbase", ""},
		{"psr-0 without namespace", `Lesson`, ""},
		{"psr-0 before a backslash", `CBOR\CBOREncoder`, "2tvenom/cborencode"},
		{"psr-0 namespace", `Cm\RedisSession\Handler`, "cm/session"},
		{"prefix of the table", "Credis_Client", "colinmollenhour/credis"},
		{"name of the table", "CredisException", "colinmollenhour/credis"},
		{"name of the table, longer", "CredisExceptions", ""},
		{"table for any vendor", `Magento\Setup\Model\Installer`, "mage-os/magento2-base"},
		{"row of an absent package", `AWS\CRT\Log`, ""},
		{"shared prefix, one", `Psr\Http\Message\UriInterface`, "psr/http-message"},
		{"shared prefix, other", `Psr\Http\Message\UriFactoryInterface`, "psr/http-factory"},
		{"shared prefix, no row", `Codeception\Module`, "codeception/codeception"},
		{"shared prefix, row", `Codeception\Stub`, "codeception/stub"},
		{"psr-4 before an equal prefix of the table", `Codeception\Stub\Expected`, "codeception/a-stub"},
		{"stub", "Stringable", "symfony/polyfill-php80"},
		{"written by Composer", `Composer\InstalledVersions`, "composer-runtime-api"},
		{"Composer", `Composer\Factory`, "composer/composer"},
		{"PHP's", "DOMDocument", ""},
		{"empty", "", ""},
		{"only separators", `\\_\`, ""},
		{"ends in a separator", `Magento\Catalog\`, ""},
		{"factory", `Magento\Catalog\Model\ProductFactory`, "magento/module-catalog"},
		{"proxy", `Magento\Framework\App\Proxy`, "magento/framework"},
		{"factory of a class without prefix", "CredisExceptionFactory", "colinmollenhour/credis"},
		{"proxy of one", `CredisException\Proxy`, "colinmollenhour/credis"},
		{"factory's interceptor of one", `Cm_Cache_Backend_FileFactory\Interceptor`, "colinmollenhour/cache-backend-file"},
		{"factory of a psr-0 prefix", "Zend_DbFactory", "magento/zend-db"},
		{"factory of a shared prefix's class", `Psr\Http\Message\UriInterfaceFactory`, "psr/http-message"},
		{"extension of an interface", `Psr\Http\Message\UriExtensionInterfaceFactory`, "psr/http-message"},
	}
	packages := shop(t)
	index := New(packages)
	slices.Reverse(packages)
	reversed := New(packages)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for order, x := range map[string]*Index{"": index, "in the other order ": reversed} {
				got, ok := x.Find(test.class)
				if got != test.want || ok != (test.want != "") {
					t.Errorf("%s%s is of %q, %v; want %q", order, test.class, got, ok, test.want)
				}
			}
		})
	}
}

func TestFindFunction(t *testing.T) {
	tests := []struct{ name, function, want string }{
		{"of a namespace", `GuzzleHttp\choose_handler`, "guzzlehttp/guzzle"},
		{"global", "trigger_deprecation", "symfony/deprecation-contracts"},
		{"any case", `\Trigger_Deprecation`, "symfony/deprecation-contracts"},
		{"PHP's", "strlen", ""},
		{"with a class's prefix", "Credis_connect", ""},
		{"row of an absent package", "mcrypt_encrypt", ""},
	}
	index := New(shop(t))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := index.FindFunction(test.function)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("%q, %v; want %q", got, ok, test.want)
			}
		})
	}
}

func TestBlindSpots(t *testing.T) {
	packages := []Package{
		pkg(t, "a/library", "library", `{"psr-4":{"A\\":"src"}}`),
		pkg(t, "a/metapackage", "metapackage", ``),
		pkg(t, "a/theme", "magento2-theme", `{"files":["registration.php"]}`),
		pkg(t, "a/language", "magento2-language", `{"files":["registration.php"]}`),
		pkg(t, "a/theme-with-classes", "magento2-theme", `{"files":["registration.php"],"classmap":["Block"]}`),
		pkg(t, "a/module", "magento2-module", `{"files":["src/registration.php"]}`),
		pkg(t, "a/component", "magento2-component", `{"files":["registration.php"]}`),
		pkg(t, "a/plugin", "composer-plugin", ``),
		pkg(t, "a/files", "library", `{"files":["functions.php","more.php"]}`),
		pkg(t, "a/classmap", "library", `{"classmap":["lib/","x.php"]}`),
		pkg(t, "a/fallback", "library", `{"psr-0":{"":"lib"}}`),
		pkg(t, "a/unended", "library", `{"psr-4":{"Foo":"lib"}}`),
		pkg(t, "b/twin", "library", `{"psr-4":{"A\\":"src"}}`),
		pkg(t, "magento/magento2-base", "magento2-component", ``),
		pkg(t, "magento/sample-data-media", "magento2-component", `{"files":["registration.php"]}`),
		pkg(t, "paragonie/random_compat", "library", ``),
		pkg(t, "psr/http-message", "library", `{"psr-4":{"Psr\\Http\\Message\\":"src/"}}`),
		pkg(t, "psr/http-factory", "library", `{"psr-4":{"Psr\\Http\\Message\\":"src/"}}`),
	}
	const noRow = "; packages.yaml has no row for it"
	const fallback = `its prefixes are empty or, in psr-4, without "\" at their end, and so lead to no class` + noRow
	want := []BlindSpot{
		{"a/classmap", "its classmap gives paths (lib/, x.php), not names" + noRow},
		{"a/component", "a component is copied into the shop, whose own autoload section finds its classes" + noRow},
		{"a/fallback", fallback},
		{"a/files", "it loads files (functions.php, more.php), not classes by name" + noRow},
		{"a/module", "it loads only registration.php" + noRow},
		{"a/plugin", "it has no autoload section" + noRow},
		{"a/theme-with-classes", "its classmap gives paths (Block), not names" + noRow},
		{"a/unended", fallback},
		{"b/twin", `a/library has the same prefix A\ and gets its classes; packages.yaml has no row that tells whose they are`},
	}
	if diff := cmp.Diff(want, New(packages).BlindSpots()); diff != "" {
		t.Error(diff)
	}
}

func TestNewTakesTheFirstOfAName(t *testing.T) {
	x := New([]Package{
		pkg(t, "a/a", "library", `{"psr-4":{"First\\":""}}`),
		pkg(t, "a/a", "library", `{"psr-4":{"Second\\":""}}`),
	})
	_, first := x.Find(`First\A`)
	_, second := x.Find(`Second\A`)
	if !first || second {
		t.Errorf("first is found: %v, second: %v", first, second)
	}
}

func TestGeneratedFrom(t *testing.T) {
	tests := []struct {
		class string
		want  []string
	}{
		{`A\Product`, nil},
		{`A\Factory`, nil},
		{"Factory", nil},
		{`A\ProductFactory`, []string{`A\Product`, `A\ProductInterface`}},
		{`A\ProductInterfaceFactory`, []string{`A\Product`, `A\ProductInterface`}},
		{`A\ProductExtensionInterface`, []string{`A\Product`, `A\ProductInterface`}},
		{`A\Product\Interceptor`, []string{`A\Product`, `A\ProductInterface`}},
		{`A\ProductFactory\Proxy`, []string{`A\ProductFactory`, `A\ProductFactoryInterface`, `A\Product`, `A\ProductInterface`}},
		{`\Proxy`, nil},
	}
	for _, test := range tests {
		t.Run(test.class, func(t *testing.T) {
			if diff := cmp.Diff(test.want, generatedFrom(test.class)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// many makes an index's input of the size of a shop's.
func many() []Package {
	var packages []Package
	for i := range 600 {
		name := fmt.Sprintf("Vendor\\Module%d\\", i)
		packages = append(packages, Package{
			Name: fmt.Sprintf("vendor/module-%d", i), Type: "magento2-module",
			Autoload: composer.Autoload{PSR4: []composer.NamespacePaths{{Prefix: name, Paths: []string{""}}}},
		})
	}
	return packages
}

func BenchmarkNew(b *testing.B) {
	packages := many()
	for b.Loop() {
		New(packages)
	}
}

func BenchmarkFind(b *testing.B) {
	x := New(many())
	for _, class := range []string{`Vendor\Module300\Model\ResourceModel\Product\Collection`, `Nobody\Knows\ThisFactory`} {
		b.Run(strings.ReplaceAll(class, `\`, "."), func(b *testing.B) {
			for b.Loop() {
				x.Find(class)
			}
		})
	}
}
