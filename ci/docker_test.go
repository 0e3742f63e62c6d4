package ci

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/ci/check"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/stages"
)

// newDockerLab is a machine that has Docker and nothing else: of all programs docker and a
// shell alone are in its PATH, and no engine is known.
func newDockerLab(t *testing.T) *lab {
	t.Helper()
	if os.Getenv(check.DockerEngine) == "" {
		t.Skipf("no Docker: %s is not set (ci/engine/docker start prints it)", check.DockerEngine)
	}
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: t.TempDir(), program: program}
	bin := filepath.Join(l.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"docker", "env", "bash"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(bin, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	l.env = []string{"PATH=" + bin, "NIGHTLY_STORE=" + filepath.Join(l.dir, "store"), "ENGINE_HOME=" + l.dir, container.RunnerHost + "="}
	return l
}

// TestDockerNewcomer: with Docker alone README's first command ends with an installed shop and
// a repository, and Dagger itself has fetched its engine and started it.
func TestDockerNewcomer(t *testing.T) {
	l := newDockerLab(t)
	_, rest, _ := strings.Cut(pages(t)["README.md"], "\ngo run ./ci/mageos-nightly nightly ")
	command, _, _ := strings.Cut(rest, "\n")
	args := append([]string{"nightly"}, strings.Fields(command)...)
	for _, run := range []string{"first", "second"} {
		start := time.Now()
		out := l.must(args...)
		t.Logf("the %s run took %.1f s", run, time.Since(start).Seconds())
		for _, want := range []string{container.Image, "level install: 20 packages installed", "1 snapshot kept"} {
			if !strings.Contains(out, want) {
				t.Errorf("the %s run does not say %q:\n%s", run, want, out)
			}
		}
	}
	l.must("verify", "repositories/sample")
	l.shopOpens("Hello from Sample_Greeting", "shop", "--line", "sample")
	if out, err := exec.Command("docker", "ps", "--format", "{{.Names}}").CombinedOutput(); err != nil || !strings.Contains(string(out), "dagger-engine-") {
		t.Errorf("the containers of Docker: %v\n%s", err, out)
	}
}

// shopOpens: a command opens a shop in containers on loopback whose page has a text, and an
// interrupt ends it.
func (l *lab) shopOpens(text string, args ...string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 5*time.Minute)
	defer cancel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.CommandContext(ctx, l.program, append(args, "--port", port)...)
	cmd.Dir, cmd.Env, cmd.Stderr = l.dir, append(os.Environ(), l.env...), os.Stderr
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, time.Minute
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(out); !strings.HasSuffix(said, "Ctrl-C ends it.\n") && lines.Scan(); {
		said += lines.Text() + "\n"
	}
	if !strings.Contains(said, "Storefront  http://"+address+"/\n") {
		l.t.Errorf("the shop says %q", said)
	} else if page, err := http.Get("http://" + address + "/"); err != nil {
		l.t.Error(err)
	} else {
		has, err := io.ReadAll(page.Body)
		if page.Body.Close(); err != nil || !strings.Contains(string(has), text) {
			l.t.Errorf("the page is %q, %v; want %q in it", has, err, text)
		}
	}
	cancel()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
		l.t.Errorf("an interrupt ends the shop with %v", err)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		l.t.Error("it still listens")
	}
}

// TestDockerTry: with Docker and git alone a branch of a fork, merged upon the sample's plan, is a
// shop.
func TestDockerTry(t *testing.T) {
	l := newDockerLab(t)
	git, err := exec.LookPath("git")
	if err == nil {
		err = os.Symlink(git, filepath.Join(l.dir, "bin", "git"))
	}
	if err != nil {
		t.Skip("no git")
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(git, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	forks, work := filepath.Join(l.dir, "git"), filepath.Join(l.dir, "work")
	l.must("plan", "--line", "sample")
	run("clone", "--quiet", "--branch", "main", filepath.Join(l.dir, "store", "embedded", "repositories", "monorepo"), work)
	page, err := os.OpenFile(filepath.Join(work, "pub/index.php"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = page.WriteString("echo 'Greetings from a branch';\n")
		err = errors.Join(err, page.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	run("-C", work, "-c", "user.name=eve", "-c", "user.email=eve@example.org", "commit", "--quiet", "--all", "--message=Greet more")
	run("clone", "--quiet", "--bare", work, filepath.Join(forks, "eve", "monorepo.git"))
	server := httptest.NewServer(&cgi.Handler{Path: filepath.Join(run("--exec-path"), "git-http-backend"), Env: []string{
		"GIT_PROJECT_ROOT=" + forks, "GIT_HTTP_EXPORT_ALL=1",
	}})
	defer server.Close()
	l.shopOpens("Greetings from a branch", "try", "--line", "sample", "--with", "monorepo="+server.URL+"/eve/monorepo@main", "--level", "install", "--shop")
}

// TestDockerMatrix: two versions of PHP with two databases, a cache and a queue, first those of
// the table and then older ones. The shop uses them all, and each cell's report says what it was
// proven with.
func TestDockerMatrix(t *testing.T) {
	l := newDockerLab(t)
	line := l.write("line.yaml", `extends: sample
name: sample
install:
  level: setup
  matrix: {php: ["8.2", "8.4"], database: ["mariadb:10.11", "mariadb:11.8"], search: [none]}
`)
	args := []string{"nightly", "--line", line, "--with", "monorepo=" + l.shop(), "--until", "install", "--parallel", "4"}
	prove := func(cache, queue string, flags ...string) (proven int) {
		l.must(append(args, flags...)...)
		for _, php := range []string{"8.2", "8.4"} {
			for _, database := range []string{"10.11", "11.8"} {
				file := filepath.Join(l.dir, "store", "install", "sample-php"+php+"-mariadb"+database+"-none", "report", stages.ReportFile)
				report, err := os.ReadFile(file)
				if errors.Is(err, fs.ErrNotExist) {
					continue // it was not to be proven
				}
				proven++
				for _, want := range []string{": passed\n", "* php: " + php + ".", "* **database**: " + database + ".", "* **cache**: " + cache + ".", "* **queue**: " + queue + ".", "* **setup:install**"} {
					if !strings.Contains(string(report), want) {
						t.Errorf("%s does not say %q: %v\n%s", file, want, err, report)
					}
				}
				if err := os.RemoveAll(filepath.Dir(file)); err != nil {
					t.Error(err)
				}
			}
		}
		return proven
	}
	if proven := prove("8", "4", "--all-cells"); proven != 4 {
		t.Errorf("%d cells were proven, want 4", proven)
	}
	if proven := prove("7", "3", "--cell", "php8.2-mariadb10.11-none", "--image", "cache=redis:7.0", "--image", "queue=rabbitmq:3.12-management"); proven != 1 {
		t.Errorf("%d cells were proven with the older services, want 1", proven)
	}
}

// shop is a clone of sample's monorepo with a bin/magento that uses its services.
func (l *lab) shop() string {
	l.t.Helper()
	dir := filepath.Join(l.dir, "monorepo")
	repository := filepath.Join(filepath.Dir(l.clone("")), "monorepo")
	if out, err := exec.Command("git", "clone", "--quiet", repository, dir).CombinedOutput(); err != nil {
		l.t.Fatalf("git clone: %v\n%s", err, out)
	}
	data, err := os.ReadFile("testdata/shop/magento")
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("monorepo/bin/magento", string(data))
	return dir
}
