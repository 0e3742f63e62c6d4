package ci

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rhysd/actionlint"
)

// An expressions evaluates what stands between ${{ and }}, as GitHub does
// (https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions).
type expressions struct {
	contexts map[string]any // values are as encoding/json decodes them
	failed   bool           // something before failed: success() is false
}

// text evaluates a text with expressions in it.
func (e expressions) text(s string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		expression, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return "", fmt.Errorf("%q is not closed", rest)
		}
		value, err := e.value(expression)
		if err != nil {
			return "", err
		}
		out.WriteString(asText(value))
		s = after
	}
}

// condition evaluates an if, in which success() is meant where no status is asked for.
func (e expressions) condition(s string) (bool, error) {
	s = strings.TrimSpace(s)
	s = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(s, "${{"), "}}"))
	asks := false
	for _, function := range []string{"success()", "failure()", "always()", "cancelled()"} {
		asks = asks || strings.Contains(s, function)
	}
	if s == "" {
		return !e.failed, nil
	}
	value, err := e.value(s)
	return truth(value) && (asks || !e.failed), err
}

// value evaluates one expression.
func (e expressions) value(expression string) (any, error) {
	node, problem := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(expression + "}}"))
	if problem != nil {
		return nil, fmt.Errorf("%s: %w", expression, problem)
	}
	return e.node(node)
}

func (e expressions) node(node actionlint.ExprNode) (any, error) {
	switch n := node.(type) {
	case *actionlint.NullNode:
		return nil, nil
	case *actionlint.BoolNode:
		return n.Value, nil
	case *actionlint.IntNode:
		return float64(n.Value), nil
	case *actionlint.StringNode:
		return n.Value, nil
	case *actionlint.VariableNode:
		value, known := e.contexts[n.Name]
		if !known {
			return nil, fmt.Errorf("there is no context %s", n.Name)
		}
		return value, nil
	case *actionlint.ObjectDerefNode:
		receiver, err := e.node(n.Receiver)
		return propertyOf(receiver, n.Property), err
	case *actionlint.NotOpNode:
		value, err := e.node(n.Operand)
		return !truth(value), err
	case *actionlint.LogicalOpNode:
		return e.logical(n)
	case *actionlint.CompareOpNode:
		return e.compare(n)
	case *actionlint.FuncCallNode:
		return e.call(n)
	}
	return nil, fmt.Errorf("this test knows no %T", node)
}

func (e expressions) logical(n *actionlint.LogicalOpNode) (any, error) {
	left, err := e.node(n.Left)
	if err != nil || truth(left) == (n.Kind == actionlint.LogicalOpNodeKindOr) {
		return left, err
	}
	return e.node(n.Right)
}

func (e expressions) compare(n *actionlint.CompareOpNode) (any, error) {
	left, err := e.node(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := e.node(n.Right)
	same := strings.EqualFold(asText(left), asText(right))
	switch n.Kind {
	case actionlint.CompareOpNodeKindEq:
		return same, err
	case actionlint.CompareOpNodeKindNotEq:
		return !same, err
	}
	return nil, fmt.Errorf("this test compares by == and != alone")
}

func (e expressions) call(n *actionlint.FuncCallNode) (any, error) {
	var arguments []any
	for _, argument := range n.Args {
		value, err := e.node(argument)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, value)
	}
	switch strings.ToLower(n.Callee) {
	case "success":
		return !e.failed, nil
	case "failure":
		return e.failed, nil
	case "always":
		return true, nil
	case "cancelled":
		return false, nil
	case "tojson":
		data, err := json.MarshalIndent(arguments[0], "", "  ")
		return string(data), err
	case "fromjson":
		var value any
		err := json.Unmarshal([]byte(asText(arguments[0])), &value)
		return value, err
	case "hashfiles":
		return "0123456789abcdef", nil
	}
	return nil, fmt.Errorf("this test knows no function %s", n.Callee)
}

// propertyOf is case-insensitive, and nothing where there is none.
func propertyOf(receiver any, name string) any {
	object, _ := receiver.(map[string]any)
	for key, value := range object {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}

func truth(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0 && !math.IsNaN(v)
	}
	return true
}

func asText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return "Object"
}
