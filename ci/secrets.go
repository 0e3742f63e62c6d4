package ci

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases/composer"
)

// The variables that name the files of ssh.
const (
	deployKey  = "NIGHTLY_DEPLOY_KEY"
	knownHosts = "NIGHTLY_KNOWN_HOSTS"
)

// proxyVariables may hold a password, so that containers get them as secrets.
var proxyVariables = []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

// secrets are what of the environment the stages in containers get.
func (env *factory) secrets() []container.Secret {
	var secrets []container.Secret
	for _, name := range append([]string{"GITHUB_TOKEN"}, proxyVariables...) {
		if value := env.getenv(name); value != "" {
			stages := []string{"checkout", "build", runner.GatewayCommand}
			if name == "GITHUB_TOKEN" {
				stages = stages[:1]
			}
			secrets = append(secrets, container.Secret{Name: name, Value: value, Stages: stages})
		}
	}
	if !env.auth.IsZero() {
		if data, err := json.Marshal(env.auth); err == nil {
			secrets = append(secrets, container.Secret{Name: composerAuth, Value: string(data), Stages: []string{"build", runner.GatewayCommand}})
		}
	}
	for _, name := range []string{deployKey, knownHosts} {
		// A file that cannot be read is missed by whoever needs it, by name.
		if data, err := files.Read(env.getenv(name), files.Small); err == nil {
			secrets = append(secrets, container.Secret{Name: name, Value: string(data), File: true, Stages: []string{"checkout"}})
		}
	}
	return secrets
}

// secretValues are what must stand in no record of a run.
func (env *factory) secretValues() []string {
	values := env.auth.Secrets()
	for _, s := range env.secrets() {
		values = append(values, s.Value)
	}
	for _, name := range secretVariables {
		values = append(values, env.getenv(name))
	}
	return values
}

// The variable that holds an auth.json of Composer.
const composerAuth = "COMPOSER_AUTH"

// readAuth reads the credentials of third-party Composer repositories, as Composer does: the
// variable counts before the auth.json in Composer's home. A .netrc comes last, and before it
// GITHUB_TOKEN for dists that lie at GitHub, which gives few without one.
func (env *factory) readAuth() (err error) {
	env.auth = composer.Auth{}
	if token := env.getenv("GITHUB_TOKEN"); token != "" {
		env.auth = composer.GitHubAuth(token)
	}
	home := cmp.Or(env.getenv("HOME"), os.DevNull) // has no files
	if data, err := files.Read(cmp.Or(env.getenv("NETRC"), filepath.Join(home, ".netrc")), files.Small); err == nil {
		env.auth = composer.ParseNetrc(data).Over(env.auth)
	}
	add := func(what string, data []byte) {
		found, e := composer.ParseAuth(data)
		if e != nil {
			err = errors.Join(err, usagef("%s: %w", what, e))
		}
		env.auth = found.Over(env.auth)
	}
	config := cmp.Or(env.getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config"))
	for _, dir := range []string{env.getenv("COMPOSER_HOME"), filepath.Join(config, "composer"), filepath.Join(home, ".composer")} {
		if info, e := os.Stat(dir); e != nil || !info.IsDir() {
			continue
		}
		file := filepath.Join(dir, "auth.json")
		if data, e := files.Read(file, files.Small); e == nil {
			add(file, data)
		} else if !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, usagef("%w", e))
		}
		break
	}
	if text := env.getenv(composerAuth); text != "" {
		add(composerAuth, []byte(text))
	}
	return err
}

// client is how all servers are reached: with the token of github.com, the deploy key and
// known hosts of the environment, and waits that differ by up to a half.
func (env *factory) client(log *slog.Logger) remote.Client {
	c := remote.Client{
		Token: func(host string) remote.Token {
			if host != "github.com" {
				return remote.Token{}
			}
			return remote.NewToken(env.getenv("GITHUB_TOKEN"))
		},
		Credential: env.auth.Credential,
		Policy:     remote.Policy{Jitter: 0.5, Wait: env.wait, Log: log},
	}
	if file := env.getenv(deployKey); file != "" {
		c.SSH.Keys = []string{file}
	}
	if file := env.getenv(knownHosts); file != "" {
		c.SSH.KnownHosts = []string{file}
	}
	return c
}
