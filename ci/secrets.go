package ci

import (
	"log/slog"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
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
			stages := []string{"checkout", "build", "install"}
			if name == "GITHUB_TOKEN" {
				stages = stages[:1]
			}
			secrets = append(secrets, container.Secret{Name: name, Value: value, Stages: stages})
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
		Policy: remote.Policy{Jitter: 0.5, Wait: env.wait, Log: log},
	}
	if file := env.getenv(deployKey); file != "" {
		c.SSH.Keys = []string{file}
	}
	if file := env.getenv(knownHosts); file != "" {
		c.SSH.KnownHosts = []string{file}
	}
	return c
}
