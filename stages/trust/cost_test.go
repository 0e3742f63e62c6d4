package trust

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// A counter counts what is read of a repository, and its bytes.
type counter struct {
	memory
	requests, bytes int
}

// Open implements Source.
func (c *counter) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	c.requests++
	c.bytes += len(c.memory[name])
	return c.memory.Open(ctx, name)
}

// A client that installs the newest of thirty nights of 400 packages reads what that night has, and the next day what is
// new. The log has the figures.
func TestClientCost(t *testing.T) {
	k, dir := newKeeper(t, "nightly"), t.TempDir()
	m := published(t, k, 30, 400)
	install := func(day int, memory string) *counter {
		c := &counter{memory: m}
		r, err := open(t.Context(), c, ClientOptions{Root: k.files["1.root.json"], Memory: memory, Now: start.AddDate(0, 0, day-1)})
		if err != nil {
			t.Fatal(err)
		}
		sum(t, r, "packages.json")
		for i := range 400 {
			sum(t, r, fmt.Sprintf("acme/module-%d/2.4.8.0-alpha202611%02d", i, day))
		}
		return c
	}
	cold, again := install(30, dir), install(30, dir)
	k.nights().publish(m, night(31, 400), start.AddDate(0, 0, 30))
	warm := install(31, dir)
	all := 0
	for _, data := range m {
		all += len(data)
	}
	t.Logf("of %d bytes: cold %d requests, %d bytes; again %d, %d; the next night %d, %d",
		all, cold.requests, cold.bytes, again.requests, again.bytes, warm.requests, warm.bytes)
	if cold.requests > 10 || cold.bytes > all/10 || again.requests > 2 || warm.requests > 6 {
		t.Error("a client reads more than it needs")
	}
}
