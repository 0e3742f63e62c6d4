package container

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Dagger's own variables.
const (
	RunnerHost = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	CLIBinary  = "_EXPERIMENTAL_DAGGER_CLI_BIN"
	daggerRun  = "DAGGER_SESSION_PORT"
)

// engineHome is where ci/engine/engine keeps everything, unless ENGINE_HOME says
// otherwise.
const engineHome = "/var/cache/dagger-engine"

// Find gives the address of the engine to use, and why that one, for an environment; within
// dagger run there is none. Its error is an *EngineError.
func Find(ctx context.Context, getenv func(string) string) (address, why string, err error) {
	if getenv(daggerRun) != "" {
		return "", "this is within dagger run", nil
	}
	if address := getenv(RunnerHost); address != "" {
		return address, RunnerHost + " names it", Dial(ctx, address)
	}
	if address, ok := findOwn(ctx, getenv); ok {
		return address, "ci/engine/engine runs one", nil
	}
	var tried []string
	for _, program := range daemons {
		if answers(ctx, program) {
			return Image, program + " answers", nil
		}
		tried = append(tried, program)
	}
	return "", "", &EngineError{Err: errors.New("tried " + strings.Join(tried, ", ") + " and ci/engine/engine")}
}

// findOwn finds the engine that ci/engine/engine has started, also when its two lines were
// not exported.
func findOwn(ctx context.Context, getenv func(string) string) (string, bool) {
	home := cmp.Or(getenv("ENGINE_HOME"), engineHome)
	address := "unix://" + filepath.Join(home, "run", "engine.sock")
	program := filepath.Join(home, "bin", "dagger")
	if _, err := os.Stat(program); err != nil || Dial(ctx, address) != nil {
		return "", false
	}
	if getenv(CLIBinary) == "" {
		// Dagger's library reads it nowhere else.
		if err := os.Setenv(CLIBinary, program); err != nil {
			return "", false
		}
	}
	return address, true
}

// daemonTime is how long a container daemon may take to answer.
const daemonTime = 5 * time.Second

// answers reports whether a container program is there, and its daemon too.
func answers(ctx context.Context, program string) bool {
	ctx, cancel := context.WithTimeout(ctx, daemonTime)
	defer cancel()
	return exec.CommandContext(ctx, program, "info").Run() == nil
}

// Certificates is the file of this machine's CA certificates, or empty.
func Certificates(getenv func(string) string) string {
	for _, file := range []string{
		getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
		"/etc/ssl/ca-bundle.pem",             // openSUSE
		"/etc/ssl/cert.pem",                  // macOS
	} {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}
