package github

import "log/slog"

// A Token is a secret that opens GitHub's API: a fine-grained personal access
// token, an installation token of a GitHub App, or the GITHUB_TOKEN of a
// workflow. It cannot be printed, logged or marshalled: the text lies in a
// function, which no verb of package fmt calls. The zero Token is none.
type Token struct{ secret func() string }

// NewToken makes a Token of its text; of "" none.
func NewToken(secret string) Token {
	if secret == "" {
		return Token{}
	}
	return Token{func() string { return secret }}
}

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.secret == nil }

// String implements fmt.Stringer.
func (t Token) String() string {
	if t.IsZero() {
		return "none"
	}
	return "redacted"
}

// GoString implements fmt.GoStringer.
func (t Token) GoString() string { return t.String() }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML ask.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// text is the secret itself.
func (t Token) text() string {
	if t.IsZero() {
		return ""
	}
	return t.secret()
}
