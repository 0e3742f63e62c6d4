package releases

import (
	"errors"
	"fmt"
	"testing"
)

// Many sources that fail in the same way are one problem that names them.
func TestJoinSources(t *testing.T) {
	source := func(name, cause string) error {
		url := "https://git.example/" + name
		return &SourceError{Repository: name, URL: url, Err: fmt.Errorf("list refs of %s: %s", url, cause)}
	}
	other := errors.New("another problem")
	err := JoinSources(
		source("a", "read udp 127.0.0.1:4001->127.0.0.1:53: refused"), nil, source("b", "404"), other,
		source("c", "read udp 127.0.0.1:4002->127.0.0.1:53: refused"), errors.Join(source("d", "404"), other),
		source("e", "404"), source("f", "read udp 127.0.0.1:4003->127.0.0.1:53: refused"), source("g", "read udp 127.0.0.1:4004->127.0.0.1:53: refused"),
	)
	want := `4 repositories (a, c, f, g): list refs of the URL of each: read udp 127.0.0.1->127.0.0.1:53: refused
repository b (https://git.example/b): list refs of https://git.example/b: 404
repository e (https://git.example/e): list refs of https://git.example/e: 404
another problem
repository d (https://git.example/d): list refs of https://git.example/d: 404
another problem`
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var one *SourceError
	if !errors.As(err, &one) || !errors.Is(err, other) || JoinSources(nil, nil) != nil {
		t.Errorf("it does not hold its causes: %v", err)
	}
}
