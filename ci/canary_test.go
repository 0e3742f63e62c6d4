package ci

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// A canary is a secret of one variable, made for the test.
type canary struct {
	name, value string
	secrets     []string // what may be nowhere; empty: the value
}

// canaries are planted in every variable that may hold a secret.
func canaries(t *testing.T, dir, trusted string) []canary {
	t.Helper()
	private, err := os.ReadFile(filepath.Join(trusted, trusttest.KeysFile))
	if err != nil {
		t.Fatal(err)
	}
	_, deploy := trusttest.Key(t)
	file := filepath.Join(dir, "deploy.key")
	if err := os.WriteFile(file, deploy, 0o600); err != nil {
		t.Fatal(err)
	}
	text := func() string { return "canary" + rand.Text() }
	database, queue, proxy := text(), text(), text()
	return []canary{
		{"GITHUB_TOKEN", "ghs_" + text(), nil},
		{signKeyVariable, string(private), keySecrets(private)},
		{deployKey, file, keySecrets(deploy)},
		{"AWS_ACCESS_KEY_ID", text(), nil},
		{"AWS_SECRET_ACCESS_KEY", text(), nil},
		{"AWS_SESSION_TOKEN", text(), nil},
		{"AZURE_STORAGE_KEY", text(), nil},
		{"AZURE_STORAGE_SAS_TOKEN", text(), nil},
		{"GOOGLE_APPLICATION_CREDENTIALS_JSON", text(), nil},
		{"NIGHTLY_DATABASE", "mysql://shop:" + database + "@127.0.0.1:9/shop", []string{database}},
		{"NIGHTLY_QUEUE", "amqp://shop:" + queue + "@127.0.0.1:9", []string{queue}},
		{"COMPOSER_AUTH", `{"http-basic":{"repo.example.org":{"username":"x","password":"` + text() + `"}}}`, nil},
		{"ACTIONS_ID_TOKEN_REQUEST_TOKEN", text(), nil},
		{"ACTIONS_RUNTIME_TOKEN", text(), nil},
		{"GH_ENTERPRISE_TOKEN", "ghs_" + text(), nil},
		{"GH_TOKEN", "ghs_" + text(), nil},
		{"HTTPS_PROXY", "http://user:" + proxy + "@127.0.0.1:9", []string{proxy}},
		{"DAGGER_CLOUD_TOKEN", text(), nil},
	}
}

func valueOf(all []canary, name string) string {
	for _, c := range all {
		if c.name == name {
			return c.value
		}
	}
	return ""
}

// A refuser is a GitHub Enterprise Server that takes no token, and remembers it.
type refuser struct {
	*httptest.Server
	mu  sync.Mutex
	got string
}

func refusing(t *testing.T) *refuser {
	r := &refuser{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = q.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"message": "Bad credentials"}`)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *refuser) authorization() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

// keySecrets are the forms that a key could leak in.
func keySecrets(private []byte) []string {
	block, _ := pem.Decode(private)
	seed := block.Bytes[len(block.Bytes)-32:]
	body := strings.ReplaceAll(string(private), "\n", "")
	return []string{body[40:80], string(seed), base64.StdEncoding.EncodeToString(seed)}
}

// Secrets of the environment are in no file, log, report, argument list or error of a
// whole run, nor of one that fails.
func TestCanaries(t *testing.T) {
	needInstall(t)
	work := t.TempDir()
	trusted := trusttest.Folder(t, "https://nightly.example.org/")
	planted := canaries(t, t.TempDir(), trusted)
	env := []string{"PATH=" + os.Getenv("PATH"), "NIGHTLY_RUNNER=process", "NIGHTLY_STORE=" + filepath.Join(work, "store")}
	for _, name := range []string{"HOME", "TMPDIR"} {
		dir := filepath.Join(work, strings.ToLower(name))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+dir)
	}
	for _, c := range planted {
		env = append(env, c.name+"="+c.value)
	}
	program := filepath.Join(t.TempDir(), "mageos-nightly")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, program)
	}
	if err != nil {
		t.Fatal(err)
	}
	arguments := watchArguments(t)
	var out bytes.Buffer
	run := func(good bool, args ...string) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = work, env, &out, &out
		if err := cmd.Run(); (err == nil) != good {
			t.Fatalf("mageos-nightly %s: %v\n%s", strings.Join(args, " "), err, out.String())
		}
	}
	run(true, "nightly", "--line", "sample", "--to", "out", "--trust", trusted, "--verbose")
	run(true, "nightly", "--line", "sample", "--to", "out", "--trust", trusted, "--json")
	run(true, "verify", "out", "--root", filepath.Join(trusted, "1.root.json"))
	run(true, "attest", "out")
	run(true, "doctor")
	enterprise := refusing(t)
	list := filepath.Join(work, "organization.yaml")
	if err := os.WriteFile(list, []byte("name: acme\nurl: "+enterprise.URL+"/\nrepositories: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(false, "org", "plan", "--list", list)
	if got := enterprise.authorization(); !strings.Contains(got, valueOf(planted, "GH_ENTERPRISE_TOKEN")) {
		t.Errorf("the Enterprise Server got %q and not its token", got)
	}
	// And when things go wrong.
	run(false, "nightly", "--line", "sample", "--to", "s3://bucket/nightly?region=x&endpoint=http://127.0.0.1:9&use_path_style=true", "--trust", trusted, "--verbose")
	run(false, "nightly", "--line", "sample", "--to", "sftp://127.0.0.1:9/nightly", "--trust", trusted, "--verbose")
	env = append(env, "NIGHTLY_DATABASE="+strings.Replace(valueOf(planted, "NIGHTLY_DATABASE"), "127.0.0.1:9", "a host:no port", 1))
	run(false, "nightly", "--line", "sample", "--to", "out", "--level", "setup", "--verbose")
	places := map[string][]byte{"the output": out.Bytes(), "the arguments of a process": arguments()}
	files := readAllFiles(t, work, places)
	if files < 200 || len(places["the arguments of a process"]) == 0 && runtime.GOOS == "linux" {
		t.Fatalf("looked at %d files and these arguments: %q", files, places["the arguments of a process"])
	}
	checkCanaries(t, planted, places)
	t.Logf("%d canaries, %d files, %d bytes of output, %d bytes of arguments", len(planted), files, out.Len(), len(places["the arguments of a process"]))
}

// checkCanaries looks for the canaries, as they are and in base64, in places by name.
func checkCanaries(t *testing.T, planted []canary, places map[string][]byte) {
	t.Helper()
	for _, c := range planted {
		secrets := c.secrets
		if secrets == nil {
			secrets = []string{c.value}
		}
		for _, secret := range secrets {
			coded := base64.StdEncoding.EncodeToString([]byte(secret))
			for place, data := range places {
				if bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(coded[:len(coded)-4])) {
					t.Errorf("%s stands in %s", c.name, place)
				}
			}
		}
	}
}

func readAllFiles(t *testing.T, dir string, into map[string][]byte) (count int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		count++
		into[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// watchArguments collects the command lines of all processes that this one starts,
// and that those start, until the returned function is called.
func watchArguments(t *testing.T) func() []byte {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var seen sync.Map
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, file := range files {
				if data, err := os.ReadFile(file); err == nil {
					seen.Store(string(data), true)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() []byte {
		stop()
		done.Wait()
		var all []byte
		seen.Range(func(key, _ any) bool {
			all = append(append(all, key.(string)...), '\n')
			return true
		})
		return all
	}
}
