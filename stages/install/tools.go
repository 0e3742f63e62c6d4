package install

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/stages"
)

// Programs are paths of programs; an empty one is looked for in PATH, and where
// Debian puts what only root runs.
type Programs struct {
	PHP, Composer string
	// MariaDB is mariadbd and MariaDBInstall mariadb-install-db, for a database
	// of the stage's own.
	MariaDB, MariaDBInstall string
	// Chromium takes the screenshots; without it there are none.
	Chromium string
}

// programs are the programs that are run, as the words of a command.
type programs struct {
	php      string
	composer []string
}

// find gives the paths of PHP and Composer; what is missing is a *MachineError.
func find(given Programs) (programs, error) {
	var missing []string
	look := func(path, name string) string {
		if path == "" {
			path = name
		}
		found, err := exec.LookPath(path)
		if err == nil {
			found, err = filepath.Abs(found)
		}
		if err != nil {
			missing = append(missing, err.Error())
		}
		return found
	}
	p := programs{php: look(given.PHP, "php"), composer: []string{look(given.Composer, "composer")}}
	if len(missing) > 0 {
		return programs{}, &MachineError{
			Err: errors.New("the test installation runs PHP and Composer: " + strings.Join(missing, ", ")),
			Do:  "install PHP 8.1 or later with its zip extension, and Composer 2 (on Debian: apt install php-cli php-zip composer)",
		}
	}
	if isPHP(p.composer[0]) {
		p.composer = []string{p.php, p.composer[0]} // with this PHP, not the one that it finds
	}
	return p, nil
}

// locate is the path of a program, or nothing. It also looks where Debian puts
// programs that only root has in its path.
func locate(given string, names ...string) string {
	if given != "" {
		names = []string{given}
	}
	for _, name := range names {
		for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
			if strings.Contains(name, "/") && dir != "" {
				continue
			}
			if path, err := exec.LookPath(dir + name); err == nil {
				return path
			}
		}
	}
	return ""
}

// isPHP reports whether a program is a script or phar for PHP.
func isPHP(program string) bool {
	f, err := os.Open(program)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()                                    // read only
	line, _ := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n') // shorter is as good
	return strings.HasPrefix(line, "<?php") || strings.HasPrefix(line, "#!") && strings.Contains(line, "php")
}

// path is a PATH in which both programs find what they need; Composer is often
// a script that looks for php.
func (p programs) path(rest string) string {
	if rest == "" {
		rest = "/usr/local/bin:/usr/bin:/bin"
	}
	return strings.Join([]string{filepath.Dir(p.php), filepath.Dir(p.composer[len(p.composer)-1]), rest}, string(os.PathListSeparator))
}

var composerVersion = regexp.MustCompile(`Composer (?:version )?(\d\S*)`)

// Tools are the programs that an installation is proven with, php and composer,
// as found in PATH. A *MachineError says what to install.
func Tools(ctx context.Context) ([]stages.Tool, error) { return tools(ctx, Programs{}) }

func tools(ctx context.Context, given Programs) ([]stages.Tool, error) {
	p, err := find(given)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "nightly-composer-")
	if err != nil {
		return nil, machine(err)
	}
	defer func() { _ = os.RemoveAll(home) }() // it is empty but for what Composer left
	env := []string{"PATH=" + p.path(""), "LANG=C.UTF-8", "HOME=" + home, "COMPOSER_HOME=" + home, "COMPOSER_ALLOW_SUPERUSER=1"}
	php, err := ask(ctx, env, p.php, "-r", "echo PHP_VERSION;")
	if err != nil {
		return nil, err
	}
	text, err := ask(ctx, env, p.composer[0], slices.Concat(p.composer[1:], []string{"--version", "--no-ansi", "--no-plugins", "--no-interaction"})...)
	if err != nil {
		return nil, err
	}
	version := composerVersion.FindStringSubmatch(text)
	if version == nil {
		return nil, &MachineError{Err: fmt.Errorf("%s --version says %q", strings.Join(p.composer, " "), text), Do: "install Composer 2"}
	}
	return []stages.Tool{{Name: "php", Version: php}, {Name: "composer", Version: version[1]}}, nil
}

// ask runs a program for its answer.
func ask(ctx context.Context, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	group(cmd)
	var out, problems bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = env, &out, &problems, waitDelay
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &MachineError{
			Err: fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, indent(problems.String())),
			Do:  "install one that runs, or correct its configuration",
		}
	}
	return strings.TrimSpace(out.String()), nil
}
