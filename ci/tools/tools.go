// Package tools finds and installs the programs of the machine that stages and
// tests run.
package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A Tool is a program of the machine that some stages or tests need.
type Tool struct {
	Program string
	Debian  string // the Debian packages that bring it
	For     string // what needs it
	Module  string // or the Go module and version that it is built from
}

// From says how to come by the tool.
func (t Tool) From() string {
	if t.Module != "" {
		return "go install " + t.Module
	}
	return "Debian packages " + t.Debian
}

// Install are what the test installation runs.
var Install = []Tool{
	// With the extensions that Magento's root composer.json requires.
	{Program: "php", Debian: "php-cli php-bcmath php-curl php-gd php-intl php-mbstring php-mysql php-soap php-xml php-zip", For: "test installation"},
	{Program: "composer", Debian: "composer", For: "test installation"},
	{Program: "unzip", Debian: "unzip", For: "test installation (Composer unpacks with it)"},
}

// Sandbox is what keeps the code of packages apart from everything else.
var Sandbox = []Tool{
	{Program: "bwrap", Debian: "bubblewrap", For: "test installation (a wall around the code of packages)"},
}

// Shop are what a shop needs beside those.
var Shop = []Tool{
	{Program: "mariadbd", Debian: "mariadb-server", For: "test installation from level setup on (or give NIGHTLY_DATABASE)"},
}

// Tests are what the tests run beside the tools of an installation.
var Tests = []Tool{
	{Program: "git", Debian: "git", For: "tests of fetching"},
	{Program: "sshd", Debian: "openssh-server", For: "tests of ssh"},
	{Program: "chromium", Debian: "chromium", For: "tests of the repository's page"},
	{Program: "mariadbd", Debian: "mariadb-server", For: "tests of a shop's setup"},
	{Program: "act", Module: "github.com/nektos/act@v0.2.89", For: "tests of the workflows"},
}

// Missing gives the tools that the machine does not have.
func Missing(tools []Tool) []Tool {
	var out []Tool
	for _, t := range tools {
		if Find(t.Program) == "" {
			out = append(out, t)
		}
	}
	return out
}

// Find gives the path of a program, or nothing. It also looks where Debian puts
// programs that only root has in its path.
func Find(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + program); err == nil {
			return path
		}
	}
	return ""
}

// An Installer installs tools, if Allowed.
type Installer struct {
	Allowed bool
	Log     io.Writer // what is installed, and what apt-get waits for
	Verbose bool      // all that apt-get says goes to Log
}

// Ensure installs missing tools if that is allowed and possible; else its error
// says what to run.
func (i Installer) Ensure(ctx context.Context, tools []Tool) error {
	lacking := Missing(tools)
	if len(lacking) == 0 {
		return nil
	}
	var programs, packages, commands, modules []string
	for _, t := range lacking {
		programs = append(programs, t.Program)
		packages = append(packages, strings.Fields(t.Debian)...)
		if t.Module != "" {
			modules = append(modules, t.Module)
			commands = append(commands, "GOBIN="+moduleBin+" "+t.From())
		}
	}
	names := strings.Join(programs, ", ")
	if len(packages) > 0 {
		commands = append(commands, "apt-get update", "apt-get install --yes --no-install-recommends "+strings.Join(packages, " "))
	}
	command, lack := strings.Join(commands, " && "), fmt.Sprintf("this machine has no %s (%s)", names, lacking[0].For)
	const instead = "use Docker or Podman, or stop before it with --until build"
	switch {
	case Find("apt-get") == "":
		return fmt.Errorf("%s, and is no Debian, where --install-tools installs it: install it yourself, %s", lack, instead)
	case os.Geteuid() != 0:
		root := "sudo sh -c"
		if Find("sudo") == "" {
			root = "su - -c"
		}
		return fmt.Errorf("%s: run\n  %s '%s'\nor %s", lack, root, command, instead)
	case !i.Allowed:
		return fmt.Errorf("%s: give --install-tools, or run\n  %s\nor %s", lack, command, instead)
	}
	fmt.Fprintf(i.Log, "installing %s\n", strings.Join(append(packages, modules...), ", "))
	built := make(chan error) // a build computes while apt-get downloads
	go func() { built <- buildModules(ctx, modules) }()
	return errors.Join(i.installPackages(ctx, packages), <-built)
}

func (i Installer) installPackages(ctx context.Context, packages []string) error {
	if len(packages) == 0 {
		return nil
	}
	install := append([]string{"install", "--yes", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update"}, install} {
		if out, err := i.apt(ctx, args); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, LastLines(out, 20))
		}
	}
	return nil
}

// moduleBin is where programs of Go modules are installed.
const moduleBin = "/usr/local/bin"

func buildModules(ctx context.Context, modules []string) error {
	for _, module := range modules {
		cmd := exec.CommandContext(ctx, "go", "install", module)
		cmd.Env = append(os.Environ(), "GOBIN="+moduleBin, "CGO_ENABLED=0", "GOGC=400") // compilers that collect less take a sixth less time
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go install %s: %w\n%s", module, err, LastLines(string(out), 20))
		}
	}
	return nil
}

// lockTime is how long apt-get may wait while another process installs packages.
const lockTime = 10 * time.Minute

// lockPause is between two tries where apt-get itself does not wait.
var lockPause = 3 * time.Second

// apt runs apt-get, and waits for whoever else does. DPkg::Lock::Timeout makes it
// wait for dpkg's locks; it ends at once where another process holds the lock of
// the package lists or of the downloads.
func (i Installer) apt(ctx context.Context, args []string) (string, error) {
	option := fmt.Sprintf("DPkg::Lock::Timeout=%.0f", lockTime.Seconds())
	out := &aptOutput{Installer: i}
	for end := time.Now().Add(lockTime); ; {
		out.text.Reset()
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"--quiet", "-o", option}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
		cmd.Stdout, cmd.Stderr = out, out
		err := cmd.Run()
		if err == nil || !strings.Contains("\n"+out.text.String(), "\nE: Could not get lock ") || time.Now().After(end) {
			return out.text.String(), err
		}
		select {
		case <-ctx.Done():
			return out.text.String(), ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// An aptOutput keeps what apt-get says, and tells once that it waits.
type aptOutput struct {
	Installer
	text strings.Builder
	told bool
}

// Write implements io.Writer.
func (o *aptOutput) Write(p []byte) (int, error) {
	o.text.Write(p)
	if _, lock, found := strings.Cut(string(p), "Could not get lock "); found && !o.told {
		o.told = true
		lock, _, _ = strings.Cut(lock, "\n")
		fmt.Fprintf(o.Log, "apt-get waits up to %.0f minutes for the lock %s\n", lockTime.Minutes(), lock)
	}
	if o.Verbose {
		return o.Log.Write(p)
	}
	return len(p), nil
}

// LastLines gives the end of a long text.
func LastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
