package container

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A door leads to its address, and other users of the machine do not reach it.
func TestDoors(t *testing.T) {
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	go func() {
		if conn, err := outside.Accept(); err == nil {
			conn.Write([]byte("hello\n"))
			conn.Close()
		}
	}()
	doors, err := openDoors(t.Context(), "/doors", []Door{DoorTo(0, outside.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", filepath.Join(doors.dir, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := bufio.NewReader(conn).ReadString('\n'); got != "hello\n" {
		t.Errorf("got %q, %v through the door", got, err)
	}
	outer := filepath.Dir(doors.dir)
	if info, err := os.Stat(outer); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v of the folder of doors, want that only this user gets through", info.Mode(), err)
	}
	if err := doors.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(outer); !os.IsNotExist(err) {
		t.Errorf("got %v, want that the folder is gone", err)
	}
}

// Doors that cannot be opened are an error, and leave nothing.
func TestDoorsFail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 120)) // too long for a socket
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	if s, err := openDoors(t.Context(), "/there", []Door{DoorTo(0, "127.0.0.1:1")}); err == nil {
		t.Errorf("got %+v, want an error", s)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
