package ci

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A tool is a program of the machine that some stages or tests need.
type tool struct {
	program string
	debian  string // the Debian packages that bring it
	what    string // what needs it
}

// installTools are what the test installation runs.
var installTools = []tool{
	// With the extensions that Magento's root composer.json requires.
	{"php", "php-cli php-bcmath php-curl php-gd php-intl php-mbstring php-mysql php-soap php-xml php-zip", "test installation"},
	{"composer", "composer", "test installation"},
	{"unzip", "unzip", "test installation (Composer unpacks with it)"},
}

// testTools are what the tests run beside those.
var testTools = []tool{
	{"git", "git", "tests of fetching"},
	{"sshd", "openssh-server", "tests of ssh"},
	{"chromium", "chromium", "tests of the repository's page"},
	{"mariadbd", "mariadb-server", "tests of a shop's setup"},
}

// privileges is the folder without which Debian's sshd does not start. Its service
// makes it at boot; the tests run an sshd of their own without that.
const privileges = "/run/sshd"

// missing gives the tools that the machine does not have.
func missing(tools []tool) []tool {
	var out []tool
	for _, t := range tools {
		if find(t.program) == "" {
			out = append(out, t)
		}
	}
	return out
}

// find also looks where Debian puts programs that only root has in its path.
func find(program string) string {
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

// ensureTools installs missing tools if that was asked for and is possible;
// else its error says what to run.
func ensureTools(ctx context.Context, w *world, allowed bool, tools []tool) error {
	lacking := missing(tools)
	if len(lacking) == 0 {
		return nil
	}
	var programs, packages []string
	for _, t := range lacking {
		programs = append(programs, t.program)
		packages = append(packages, strings.Fields(t.debian)...)
	}
	command := "apt-get update && apt-get install --yes --no-install-recommends " + strings.Join(packages, " ")
	switch {
	case !allowed:
		return &usageError{fmt.Errorf("this machine has no %s (%s): give --install-tools, or run as root:\n  %s\nor stop before it with --until build",
			strings.Join(programs, ", "), lacking[0].what, command)}
	case find("apt-get") == "":
		return &usageError{fmt.Errorf("--install-tools: this is no Debian machine (no apt-get); install %s yourself", strings.Join(programs, ", "))}
	case os.Geteuid() != 0:
		return &usageError{fmt.Errorf("--install-tools needs root; run:\n  sudo sh -c '%s'", command)}
	}
	return aptInstall(ctx, w, packages)
}

func aptInstall(ctx context.Context, w *world, packages []string) error {
	fmt.Fprintf(w.stderr, "installing %s\n", strings.Join(packages, ", "))
	install := append([]string{"install", "--yes", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update"}, install} {
		if out, err := runApt(ctx, w, args); err != nil {
			return &usageError{fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, lastLines(out, 20))}
		}
	}
	return nil
}

func runApt(ctx context.Context, w *world, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if w.verbose {
		cmd.Stdout = io.MultiWriter(&out, w.stderr)
	}
	err := cmd.Run()
	return out.String(), err
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
