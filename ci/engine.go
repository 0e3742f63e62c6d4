package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline/container"
	gitremote "github.com/mage-os/nightly/releases/git/remote"
)

// Dagger's own variables.
const (
	runnerHost = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	cliBinary  = "_EXPERIMENTAL_DAGGER_CLI_BIN"
	daggerRun  = "DAGGER_SESSION_PORT"
)

// engineHome is where ci/engine/engine keeps everything, unless ENGINE_HOME says
// otherwise.
const engineHome = "/var/cache/dagger-engine"

// findEngine gives the address of the engine to use, and why that one. An empty
// address leaves it to Dagger, where Docker or a program like it answers.
func (w *world) findEngine(ctx context.Context) (address, why string, err error) {
	if w.getenv(daggerRun) != "" {
		return "", "this is within dagger run", nil
	}
	if address := w.getenv(runnerHost); address != "" {
		return address, runnerHost + " names it", container.Dial(ctx, address)
	}
	if address, ok := w.ownEngine(ctx); ok {
		return address, "ci/engine/engine runs one", nil
	}
	var tried []string
	for _, program := range []string{"docker", "podman", "nerdctl"} {
		if answers(ctx, program) {
			return "", program + " answers", nil
		}
		tried = append(tried, program)
	}
	return "", "", &container.EngineError{Err: errors.New("there is none of ci/engine/engine, and none of " + strings.Join(tried, ", ") + " answers")}
}

// ownEngine finds the engine that ci/engine/engine has started, also when its
// two lines were not exported.
func (w *world) ownEngine(ctx context.Context) (string, bool) {
	home := w.getenv("ENGINE_HOME")
	if home == "" {
		home = engineHome
	}
	address := "unix://" + filepath.Join(home, "run", "engine.sock")
	program := filepath.Join(home, "bin", "dagger")
	if _, err := os.Stat(program); err != nil || container.Dial(ctx, address) != nil {
		return "", false
	}
	if w.getenv(cliBinary) == "" {
		// Dagger's library reads it nowhere else.
		if err := os.Setenv(cliBinary, program); err != nil {
			return "", false
		}
	}
	return address, true
}

// doctorEngine says whether stages can run in containers, and why.
func (w *world) doctorEngine(ctx context.Context) error {
	address, why, err := w.findEngine(ctx)
	text := "yes: " + why
	switch {
	case err != nil:
		text = "no: " + reason(err)
	case address != "":
		text += ": " + address
	}
	_, err = fmt.Fprintf(w.stdout, "Containers: %s\n", text)
	return err
}

// daemonTime is how long a container daemon may take to answer.
const daemonTime = 5 * time.Second

// answers reports whether a container program is there, and its daemon too.
func answers(ctx context.Context, program string) bool {
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	return exec.CommandContext(ctx, program, "info").Run() == nil
}

// certificateFiles are where systems keep their CA certificates.
var certificateFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt", // Debian, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
	"/etc/ssl/ca-bundle.pem",             // openSUSE
	"/etc/ssl/cert.pem",                  // macOS
}

// certificates is the file of this machine's CA certificates, or empty.
func (w *world) certificates() string {
	for _, file := range append([]string{w.getenv("SSL_CERT_FILE")}, certificateFiles...) {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// The variables that name the files of ssh.
const (
	deployKey  = "NIGHTLY_DEPLOY_KEY"
	knownHosts = "NIGHTLY_KNOWN_HOSTS"
)

// proxyVariables may hold a password, so that containers get them as secrets.
var proxyVariables = []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

// secrets are what of the environment the stages in containers get.
func (w *world) secrets() []container.Secret {
	var secrets []container.Secret
	for _, name := range append([]string{"GITHUB_TOKEN"}, proxyVariables...) {
		if value := w.getenv(name); value != "" {
			stages := []string{"checkout", "build", "install"}
			if name == "GITHUB_TOKEN" {
				stages = stages[:1]
			}
			secrets = append(secrets, container.Secret{Name: name, Value: value, Stages: stages})
		}
	}
	for _, name := range []string{deployKey, knownHosts} {
		// A file that cannot be read is missed by whoever needs it, by name.
		if data, err := os.ReadFile(w.getenv(name)); err == nil {
			secrets = append(secrets, container.Secret{Name: name, Value: string(data), File: true, Stages: []string{"checkout"}})
		}
	}
	return secrets
}

// ssh is how ssh:// repositories are opened: with the deploy key, if there is
// one.
func (w *world) ssh() gitremote.SSH {
	var s gitremote.SSH
	if file := w.getenv(deployKey); file != "" {
		s.Keys = []string{file}
	}
	if file := w.getenv(knownHosts); file != "" {
		s.KnownHosts = []string{file}
	}
	return s
}
