// Package registrytest starts a registry of images for tests.
package registrytest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Start starts Debian's docker-registry on loopback, and gives its address. A test on a machine
// without it is skipped, and one with an engine that does not share that loopback.
func Start(t *testing.T, engine string) string {
	t.Helper()
	if !strings.HasPrefix(engine, "unix://") {
		t.Skipf("no registry: the engine at %s does not reach this machine's loopback", engine)
	}
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("no registry: this machine has no docker-registry (Debian package docker-registry)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yml")
	settings := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", dir, address)
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the registry does not answer")
	return ""
}
