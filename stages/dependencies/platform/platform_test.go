package platform

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExtension(t *testing.T) {
	tests := []struct {
		kind Kind
		name string
		want string
	}{
		{Function, "strlen", "ext-core"},
		{Function, "array_map", "ext-standard"},
		{Function, `\MB_StrLen`, "ext-mbstring"},
		{Function, "mb_trim", "ext-mbstring"},
		{Function, "hash_hmac", "ext-hash"},
		{Function, "iconv_substr", "ext-iconv"},
		{Function, "ctype_digit", "ext-ctype"},
		{Function, "bcadd", "ext-bcmath"},
		{Function, "gzcompress", "ext-zlib"},
		{Function, "sodium_crypto_secretbox", "ext-sodium"},
		{Function, "openssl_encrypt", "ext-openssl"},
		{Function, "simplexml_load_string", "ext-simplexml"},
		{Function, "libxml_use_internal_errors", "ext-libxml"},
		{Function, "opcache_get_status", "ext-zend-opcache"},
		{Function, "apcu_fetch", "ext-apcu"},
		{Function, "fastcgi_finish_request", "ext-standard"},
		{Function, "mcrypt_encrypt", "ext-mcrypt"},
		{Function, "xmlrpc_encode", "ext-xmlrpc"},
		{Function, "E_ALL", ""},
		{Function, "no_such_function", ""},
		{Function, "", ""},
		{Class, "DOMDocument", "ext-dom"},
		{Class, "domdocument", "ext-dom"},
		{Class, `Dom\HTMLDocument`, "ext-dom"},
		{Class, "NumberFormatter", "ext-intl"},
		{Class, "SimpleXMLElement", "ext-simplexml"},
		{Class, "XMLReader", "ext-xmlreader"},
		{Class, "XSLTProcessor", "ext-xsl"},
		{Class, "ZipArchive", "ext-zip"},
		{Class, "SoapClient", "ext-soap"},
		{Class, "PDO", "ext-pdo"},
		{Class, `Pdo\Mysql`, "ext-pdo_mysql"},
		{Class, "Phar", "ext-phar"},
		{Class, "finfo", "ext-fileinfo"},
		{Class, "Redis", "ext-redis"},
		{Class, "AMQPConnection", "ext-amqp"},
		{Class, "Imagick", "ext-imagick"},
		{Class, "Stringable", "ext-core"},
		{Class, "ArrayIterator", "ext-spl"},
		{Class, "DateTimeImmutable", "ext-date"},
		{Class, "ReflectionClass", "ext-reflection"},
		{Class, `Random\Randomizer`, "ext-random"},
		{Class, "JsonException", "ext-json"},
		{Class, `Magento\Framework\DataObject`, ""},
		{Constant, "E_ALL", "ext-core"},
		{Constant, "e_all", ""},
		{Constant, "JSON_THROW_ON_ERROR", "ext-json"},
		{Constant, "CURLOPT_URL", "ext-curl"},
		{Constant, "LIBXML_NOBLANKS", "ext-libxml"},
		{Constant, "SIGTERM", "ext-pcntl"},
		{Constant, "T_OPEN_TAG", "ext-tokenizer"},
		{Constant, "DIRECTORY_SEPARATOR", "ext-standard"},
		{Constant, "BP", ""},
		{"", "strlen", ""},
	}
	for _, test := range tests {
		t.Run(string(test.kind)+" "+test.name, func(t *testing.T) {
			got, ok := Extension(test.kind, test.name)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("%q, %v; want %q", got, ok, test.want)
			}
		})
	}
}

func TestAlways(t *testing.T) {
	tests := []struct {
		ext  string
		php  Version
		want bool
	}{
		{"ext-standard", Version{5, 3}, true},
		{"ext-hash", Version{7, 3}, false},
		{"ext-hash", Version{7, 4}, true},
		{"ext-json", Version{7, 4}, false},
		{"ext-json", Version{8, 0}, true},
		{"ext-random", Version{8, 1}, false},
		{"ext-random", Version{8, 2}, true},
		{"ext-uri", Version{8, 5}, true},
		{"ext-uri", Version{9, 0}, true},
		{"ext-ctype", Version{8, 5}, false},
		{"ext-intl", Version{8, 5}, false},
		{"", Version{8, 5}, false},
	}
	for _, test := range tests {
		if got := Always(test.ext, test.php); got != test.want {
			t.Errorf("Always(%s, %v) is %v", test.ext, test.php, got)
		}
	}
	for ext := range always {
		if !held()[ext] {
			t.Errorf("%s is always there, but holds no name", ext)
		}
	}
}

// held are the extensions that hold at least one name.
func held() map[string]bool {
	extensions := map[string]bool{}
	for _, ext := range names() {
		extensions[ext] = true
	}
	return extensions
}

// TestNeeded makes sure of the extensions that Magento's packages require, but for those that hold no name.
func TestNeeded(t *testing.T) {
	needed := strings.Fields(`bcmath ctype curl dom fileinfo filter ftp gd hash iconv intl json libxml mbstring mysqli openssl
		pcntl pcre pdo pdo_mysql phar posix readline redis simplexml soap sockets sodium spl tokenizer xml xmlreader
		xmlwriter xsl zip zlib amqp imagick apcu`)
	for _, name := range needed {
		if !held()["ext-"+name] {
			t.Errorf("ext-%s holds no name", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no section", "class A", "line 1"},
		{"unknown kind", "[a]\ntrait A", "line 2"},
		{"twice", "[a]\nclass A\n[b]\nclass B a", "line 4: class a is in ext-a and in ext-b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := read(map[symbol]string{}, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestRecorded holds the files to the PHP of this machine, whatever its version and extensions are: what it says about
// a name must not be another extension than the files say.
func TestRecorded(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skip("php is not installed")
	}
	out, err := exec.Command(php, "testdata/record.php").Output()
	if err != nil {
		t.Fatal(err)
	}
	now := map[symbol]string{}
	if err := read(now, string(out)); err != nil {
		t.Fatal(err)
	}
	if len(now) < 1000 {
		t.Fatalf("PHP says %d names; want some thousands", len(now))
	}
	differ := map[symbol][2]string{}
	for s, ext := range now {
		if known, ok := names()[s]; ok && known != ext {
			differ[s] = [2]string{known, ext}
		}
	}
	if diff := cmp.Diff(map[symbol][2]string{}, differ, cmp.AllowUnexported(symbol{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzExtension(f *testing.F) {
	f.Add(string(Function), `\strlen`)
	f.Add(string(Constant), "E_ALL")
	f.Add(string(Class), `Dom\`)
	f.Fuzz(func(t *testing.T, kind, name string) {
		ext, ok := Extension(Kind(kind), name)
		if ok != strings.HasPrefix(ext, "ext-") {
			t.Errorf("%q, %v", ext, ok)
		}
		if again, _ := Extension(Kind(kind), `\`+strings.TrimPrefix(name, `\`)); again != ext {
			t.Errorf("%q, with a backslash %q", ext, again)
		}
	})
}

func BenchmarkExtension(b *testing.B) {
	for b.Loop() {
		Extension(Function, "mb_strlen")
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if err := read(map[symbol]string{}, namesText); err != nil {
			b.Fatal(err)
		}
	}
}
