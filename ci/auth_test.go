package ci

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/runner"
)

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// COMPOSER_AUTH counts before the auth.json in Composer's home, and that before a .netrc;
// containers get all of it for the build and the gateway alone, and no error shows any.
func TestComposerCredentials(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{
		".netrc":                     "machine a.example.org login n password n machine b.example.org login n password n machine c.example.org login n password n",
		".config/composer/auth.json": `{"http-basic": {"a.example.org": {"username": "f", "password": "f"}, "b.example.org": {"username": "f", "password": "f"}}}`,
	} {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	variables := map[string]string{"HOME": home, composerAuth: `{"http-basic": {"a.example.org": {"username": "v", "password": "v"}}}`}
	env := &factory{getenv: func(name string) string { return variables[name] }}
	if err := env.readAuth(); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"a.example.org": "v", "b.example.org": "f", "c.example.org": "n"} {
		to := &url.URL{Scheme: "https", Host: host}
		_, err := env.client(nil).Opening(to, answering(func(r *http.Request) (*http.Response, error) {
			if user, _, _ := r.BasicAuth(); user != want {
				t.Errorf("%s gets %q, want %q", host, user, want)
			}
			return &http.Response{}, nil
		})).RoundTrip(&http.Request{URL: to, Header: http.Header{}})
		if err != nil {
			t.Error(err)
		}
	}
	for _, secret := range env.secrets() {
		if secret.Name == composerAuth && (strings.Join(secret.Stages, " ") != "build "+runner.GatewayCommand || !strings.Contains(secret.Value, "c.example.org")) {
			t.Errorf("containers get it for %v", secret.Stages)
		}
	}
	variables["GITHUB_TOKEN"] = "token"
	if err := env.readAuth(); err != nil {
		t.Fatal(err)
	}
	to := &url.URL{Scheme: "https", Host: "api.github.com"}
	_, err := env.client(nil).Opening(to, answering(func(r *http.Request) (*http.Response, error) {
		if got := r.Header.Get("Authorization"); got != "token token" {
			t.Errorf("GitHub's dists are asked for with %q", got)
		}
		return &http.Response{}, nil
	})).RoundTrip(&http.Request{URL: to, Header: http.Header{}})
	if err != nil {
		t.Error(err)
	}
	variables[composerAuth] = `{"bearer": "hidden`
	if err := env.readAuth(); err == nil || exitCode(err) != exitConfig || strings.Contains(err.Error(), "hidden") {
		t.Error(err)
	}
}

// What package code could read of this machine counts as a secret, by its name.
func TestSecretsHeld(t *testing.T) {
	home, netrc := t.TempDir(), filepath.Join(t.TempDir(), "netrc")
	file := filepath.Join(home, ".composer", "auth.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"bearer": {"a.example.org": "b"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(netrc, []byte("machine a.example.org login n password n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		variables map[string]string
		keys      []string
		want      string
	}{
		"none":             {map[string]string{"https_proxy": "http://proxy.example.org:8080"}, nil, ""},
		"an auth.json":     {map[string]string{"HOME": home}, nil, "auth.json or .netrc"},
		"a .netrc":         {map[string]string{"NETRC": netrc}, nil, "auth.json or .netrc"},
		"a variable":       {map[string]string{composerAuth: `{"bearer": {"a.example.org": "b"}}`}, nil, composerAuth},
		"a broken one":     {map[string]string{composerAuth: "{"}, nil, composerAuth},
		"a token":          {map[string]string{"GITHUB_TOKEN": "t"}, []string{"k"}, "GITHUB_TOKEN --sign-key"},
		"a webhook":        {map[string]string{newsVariable: "https://hooks.example.org/x", passphraseVariable: "p"}, nil, passphraseVariable + " " + newsVariable},
		"an agent":         {map[string]string{"SSH_AUTH_SOCK": "/run/agent"}, nil, "SSH_AUTH_SOCK"},
		"a proxy's":        {map[string]string{"HTTPS_PROXY": "http://u:p@proxy.example.org"}, nil, "HTTPS_PROXY"},
		"without a scheme": {map[string]string{"http_proxy": "u:p@proxy.example.org:8080"}, nil, "http_proxy"},
	} {
		env := &factory{getenv: func(name string) string { return test.variables[name] }}
		if got := strings.Join(env.secretsHeld(signFlags{keys: test.keys}), " "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
