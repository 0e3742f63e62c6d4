package install

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The cache of a cell does what a shop asks of it, and opens no way out.
func TestCacheSidecar(t *testing.T) {
	if cmp.Or(locate("", "valkey-server", "redis-server")) == "" {
		t.Skip("there is neither valkey-server nor redis-server")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, port := free.Addr().String(), free.Addr().(*net.TCPAddr).Port
	free.Close()
	sidecar := CacheSidecar()
	cmd := exec.CommandContext(t.Context(), sidecar.Args[0], sidecar.Args[1:]...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "PORT="+strconv.Itoa(port))
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if version, err := cacheProbe.wait(ctx, address); err != nil || version == "" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the probe: %q, %v\n%s", version, err, log.String())
	}
	for command, want := range map[string]string{
		"SELECT 1": "+OK", "SET a b": "+OK", "INFO server": "$", "KEYS *": "*", "SCAN 0": "*", "FLUSHDB": "+OK", "EVAL return(1) 0": ":1",
		"MULTI": "+OK", "CLIENT SETNAME shop": "+OK",
		"MIGRATE 127.0.0.1 1 a 0 1000": "-NOPERM", "REPLICAOF 127.0.0.1 1": "-NOPERM", "SLAVEOF 127.0.0.1 1": "-NOPERM", "CONFIG SET dir /tmp": "-NOPERM",
		"MODULE LOAD /tmp/x.so": "-", "DEBUG RELOAD": "-", "SYNC": "-NOPERM", "PSYNC ? -1": "-NOPERM", "ACL SETUSER default +@all": "-NOPERM",
		"FAILOVER TO 127.0.0.1 1": "-NOPERM", "CLUSTER MEET 127.0.0.1 1": "-NOPERM", `EVAL "return redis.call('MIGRATE','127.0.0.1','1','a','0','9')" 0`: "-",
	} {
		t.Run(command, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = fmt.Fprintf(conn, "%s\r\n", command)
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(answer, want) {
				t.Errorf("%q, %v; want %s", answer, err, want)
			}
		})
	}
}
