package composer

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
)

const sampleAuth = `{
	"http-basic": {"repo.example.org": {"username": "u", "password": "p"}, "both.example.org": {"username": "u", "password": "p"}, "port.example.org:8443": {"username": "u", "password": "8443"}},
	"bearer": {"bearer.example.org": "b", "both.example.org": "b"},
	"github-oauth": {"github.com": "gh", "github.example.org": "ghe"},
	"gitlab-oauth": {"gitlab.com": "o", "oauth.example.org": {"token": "t", "refresh-token": "r"}},
	"gitlab-token": {"lab.example.org": "pt", "user.example.org": {"username": "u", "token": "t"}},
	"bitbucket-oauth": [], "custom-headers": {"x.example.org": ["A: b"]}
}`

// What Composer's BaseIO and AuthHelper make of an auth.json: a header for a host.
func TestCredentials(t *testing.T) {
	auth, err := ParseAuth([]byte(sampleAuth))
	if err != nil {
		t.Fatal(err)
	}
	auth = auth.Over(ParseNetrc([]byte("machine net.example.org login n password s\nmachine repo.example.org\n\tlogin no\n\tpassword no\nmachine half.example.org login x\ndefault login any password any\n")))
	data, err := json.Marshal(auth)
	if err == nil {
		auth, err = ParseAuth(data) // as containers get it
	}
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://repo.example.org/packages.json": "Authorization: Basic dTpw", "https://REPO.example.org:443/": "Authorization: Basic dTpw",
		"https://repo.example.org:444/": "", "http://repo.example.org/": "", "https://x.repo.example.org/": "", "https://own:login@repo.example.org/": "",
		"https://port.example.org:8443/": "Authorization: Basic dTo4NDQz", "https://both.example.org/": "Authorization: Bearer b",
		"https://bearer.example.org/": "Authorization: Bearer b", "https://api.github.com/": "Authorization: token gh", "https://github.com/": "",
		"https://github.example.org/": "Authorization: Basic Z2hlOngtb2F1dGgtYmFzaWM=", "https://gitlab.com/": "Authorization: Bearer o",
		"https://oauth.example.org/": "Authorization: Bearer t", "https://lab.example.org/": "Private-Token: pt", "https://user.example.org/": "Authorization: Basic dTp0",
		"https://net.example.org/": "Authorization: Basic bjpz", "https://half.example.org/": "", "https://any.example.org/": "", "https://x.example.org/": "",
	} {
		to, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := auth.headers(to)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", address, err, diff)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", auth, auth, auth.Credential("bearer.example.org")); strings.Contains(text, "dTpw") || strings.Contains(text, "Bearer") {
		t.Errorf("prints as %s", text)
	}
	if _, err := ParseAuth([]byte(`"secret`)); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// The real Composer sends the same.
func TestCredentialsAsComposer(t *testing.T) {
	const program = `require 'Composer/autoload.php';
		$io = new Composer\IO\NullIO();
		$config = Composer\Factory::createConfig($io);
		$io->loadConfiguration($config);
		$origin = Composer\Util\Url::getOrigin($config, $argv[1]);
		echo implode("\n", (new Composer\Util\AuthHelper($io, $config))->addAuthenticationHeader([], $origin, $argv[1]));`
	if err := exec.Command("php", "-r", "require 'Composer/autoload.php';").Run(); err != nil {
		t.Skip("needs php and Composer's classes: ", err)
	}
	auth, err := ParseAuth([]byte(sampleAuth))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"repo.example.org", "x.repo.example.org", "port.example.org:8443", "both.example.org", "bearer.example.org", "api.github.com", "github.com",
		"github.example.org", "gitlab.com", "oauth.example.org", "lab.example.org", "user.example.org", "none.example.org",
	} {
		to := &url.URL{Scheme: "https", Host: host, Path: "/packages.json"}
		ask := exec.Command("php", "-r", program, to.String())
		ask.Env = append(os.Environ(), "COMPOSER_HOME="+t.TempDir(), "COMPOSER_AUTH="+sampleAuth)
		want, err := ask.Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := auth.headers(to)
		if err != nil || !strings.EqualFold(got, string(want)) {
			t.Errorf("%s: %v: %q, Composer sends %q", host, err, got, want)
		}
	}
}

// headers are those that requests to a URL get.
func (a Auth) headers(to *url.URL) (got string, err error) {
	_, err = remote.Client{Credential: a.Credential}.Opening(to, sees(func(r *http.Request) {
		for name, values := range r.Header {
			got += name + ": " + strings.Join(values, ",")
		}
	})).RoundTrip(&http.Request{URL: to, Header: http.Header{}})
	return got, err
}

// sees is a server.
type sees func(*http.Request)

func (f sees) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// A private repository's metadata and dists are read with its login, which no other host gets.
func TestPrivateRepository(t *testing.T) {
	var elsewhere *http.Request
	other := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere = r }))
	defer other.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/packages.json":
			io.WriteString(w, `{"metadata-url": "/p2/%package%.json"}`)
		case "/p2/a/b.json":
			io.WriteString(w, `{"packages": {"a/b": [{"name": "a/b", "version": "1.0.0", "dist": {"type": "zip", "url": "/b.zip"}}]}}`)
		case "/b.zip":
			http.Redirect(w, r, other.URL+"/signed", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	client := remote.Client{Transport: server.Client().Transport}
	if _, err := OpenRepository(t.Context(), server.URL, NewFetcher(client)); err == nil || !strings.Contains(err.Error(), "401 Unauthorized; give a login") {
		t.Errorf("without a login: %v", err)
	}
	auth, err := ParseAuth([]byte(`{"http-basic": {"` + strings.TrimPrefix(server.URL, "https://") + `": {"username": "u", "password": "secret"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	client.Credential = auth.Credential
	r, err := OpenRepository(t.Context(), server.URL, NewFetcher(client))
	if err != nil {
		t.Fatal(err)
	}
	versions, err := r.Versions(t.Context(), "a/b")
	if err != nil || len(versions) != 1 {
		t.Fatal(versions, err)
	}
	at, err := r.DistURL(versions[0].Dist)
	if err == nil {
		_, err = FetchDist(t.Context(), NewFetcher(client), at)
	}
	if err != nil || elsewhere == nil || elsewhere.Header.Get("Authorization") != "" || elsewhere.Referer() != "" {
		t.Errorf("%v: the other host got %v", err, elsewhere)
	}
}
