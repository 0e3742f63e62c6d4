package install

import (
	"context"
	_ "embed"
	"net"
	"os"
	"os/exec"
	"strconv"
)

// A counter says how many queries the database has had since it was asked last. Of a database that others use, theirs
// are among them.
type counter struct {
	last, own int // own are those of the question itself
}

// phpQueries asks the database; see the file.
//
//go:embed php/queries.php
var phpQueries []byte

// countQueries begins to count.
func (s *shop) countQueries(ctx context.Context) *counter {
	c := &counter{last: s.queries(ctx)}
	if now := s.queries(ctx); c.last > 0 && now > c.last {
		c.own, c.last = now-c.last, now
	}
	return c
}

// since is how many queries there were; 0: it is not known.
func (c *counter) since(ctx context.Context, s *shop) int {
	before, now := c.last, s.queries(ctx)
	c.last = now
	if before == 0 || now == 0 {
		return 0
	}
	return max(0, now-before-c.own)
}

// queries is how many the database has had, of this shop or another; 0: it does not say.
func (s *shop) queries(ctx context.Context) int {
	d := s.database
	file := s.dir.path("tmp/queries.php")
	if os.WriteFile(file, phpQueries, 0o644) != nil {
		return 0
	}
	cmd := exec.CommandContext(ctx, s.programs.php, file)
	group(cmd)
	cmd.Env = append(s.environ(), "DB_USER="+d.user, "DB_PASSWORD="+string(d.password), "DB_NAME="+d.name)
	if host, port, err := net.SplitHostPort(d.host); err == nil {
		cmd.Env = append(cmd.Env, "DB_HOST="+host, "DB_PORT="+port)
	} else {
		cmd.Env = append(cmd.Env, "DB_SOCKET="+d.host)
	}
	cmd.ExtraFiles = s.dir.inherited()
	out, err := cmd.Output()
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(string(out)) // 0 of what is no number
	return n
}
