package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/stages"
)

// installs are clients that install in a loop from a target, over the web.
type installs struct {
	url string

	mu     sync.Mutex
	change *sync.Cond
	runs   []int // of each client
	errs   []error
}

// startClients starts clients that run composer create-project in a loop until the
// test ends. Without Composer there are none.
func startClients(t *testing.T, p spot) *installs {
	t.Helper()
	server := httptest.NewServer(serveTarget(t, p))
	in := &installs{url: server.URL + "/"}
	in.change = sync.NewCond(&in.mu)
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	t.Cleanup(func() {
		stop()
		wait.Wait()
		server.Close()
	})
	composer, err := exec.LookPath("composer")
	if err != nil {
		t.Logf("no composer: nobody installs meanwhile (%v)", err)
		return in
	}
	in.runs = make([]int, *clients)
	for i := range in.runs {
		home := t.TempDir()
		config := fmt.Sprintf(`{"config": {"secure-http": false}, "repositories": {"nightly": {"type": "composer", "url": %q}, "packagist.org": false}}`, in.url)
		if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() { in.loop(ctx, i, composer, home) })
	}
	return in
}

// serveTarget serves a target as it is, as a web server or a store's own front does.
func serveTarget(t *testing.T, p spot) http.Handler {
	t.Helper()
	at := p.open(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		file, err := at.Open(r.Context(), name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			http.NotFound(w, r)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", stages.ContentType(name))
		_, _ = io.Copy(w, file) // the client has left, or will see
		_ = file.Close()        // read only: nothing is lost
	})
}

func (in *installs) loop(ctx context.Context, client int, composer, home string) {
	for ctx.Err() == nil {
		if !in.published() { // before the first switch there is nothing to install
			time.Sleep(10 * time.Millisecond)
			continue
		}
		// One that has begun ends: what Composer has started outlives it when it is killed,
		// and writes on.
		err := installShop(context.WithoutCancel(ctx), composer, home)
		in.mu.Lock()
		if err != nil {
			in.errs = append(in.errs, err)
		}
		in.runs[client]++
		in.change.Broadcast()
		in.mu.Unlock()
	}
}

func (in *installs) published() bool {
	response, err := http.Get(in.url + stages.PackagesFile)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // nothing of it is wanted
	return response.StatusCode == http.StatusOK
}

// wait returns when each client has ended an installation that it began after the
// call; a client then never stays behind by more nights than the grace period.
func (in *installs) wait(t *testing.T) {
	t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, before := range append([]int(nil), in.runs...) {
		for in.runs[i] < before+2 && len(in.errs) == 0 {
			in.change.Wait()
		}
	}
	if err := errors.Join(in.errs...); err != nil {
		t.Fatal(err)
	}
}

func (in *installs) count() (n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, runs := range in.runs {
		n += runs
	}
	return n
}

func (in *installs) failures() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.errs)
}

// installShop installs the shop and looks that all of it is of one night.
func installShop(ctx context.Context, composer, home string) error {
	dir, err := os.MkdirTemp(home, "shop-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, composer, "create-project", "--no-interaction", "--no-progress", "--no-audit", "--no-cache", "--prefer-dist", "--stability=alpha", "acme/project-shop", filepath.Join(dir, "shop"))
	cmd.Dir = dir // Composer unpacks below it
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "COMPOSER_HOME=" + home, "COMPOSER_ALLOW_SUPERUSER=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("composer: %w\n%s", err, out)
	}
	found := map[string]bool{}
	for i := range helperModules {
		code, err := os.ReadFile(filepath.Join(dir, "shop", "vendor", "acme", fmt.Sprintf("module-%03d", i), "src", "Code.php"))
		if err != nil {
			return err
		}
		_, snapshot, _ := strings.Cut(strings.TrimSpace(string(code)), "\n")
		found[snapshot] = true
	}
	if len(found) != 1 {
		return fmt.Errorf("what was installed is of several nights: %v", found)
	}
	return nil
}
