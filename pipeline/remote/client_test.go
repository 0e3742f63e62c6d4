package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestTokenDoesNotPrint(t *testing.T) {
	const secret = "github_pat_SECRET"
	token := NewToken(secret)
	type hidden struct{ token Token }
	var out bytes.Buffer
	for _, value := range []any{token, &token, []Token{token}, map[string]Token{"a": token}, hidden{token}, &hidden{token}} {
		fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d\n", value, value, value, value, value, value, value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("token", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("token", "value", value)
		_ = json.NewEncoder(&out).Encode(value)
		if text, err := yaml.Marshal(value); err == nil {
			out.Write(text)
		}
	}
	for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%d", []byte(secret))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the token is printed as %s", form)
		}
	}
	if !strings.Contains(out.String(), "redacted") {
		t.Errorf("printed as %s", out.String())
	}
	if token.Reveal() != secret || NewToken("").Reveal() != "" || fmt.Sprint(NewToken("")) != "none" {
		t.Error("a token has lost its text")
	}
}
