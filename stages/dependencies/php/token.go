package php

import "strings"

// form is the sort of a token, as far as names depend on it.
type form uint8

const (
	formEnd      form = iota // after the last token
	formName                 // identifier, keyword or qualified name
	formVariable             // $a
	formLiteral              // '…' or "…" without interpolation
	formOp                   // operator or bracket
	formOther                // number, <?=, begin or end of a string with interpolation or of a heredoc
)

// op is an operator or bracket: its character, or one of the constants.
type op uint8

const (
	opOther       op = iota + 128 // one that no name depends on, such as ===
	opDoubleColon                 // ::
	opArrow                       // -> or ?->
	opAttribute                   // #[
	opInterpolate                 // {$ or ${ in a string; } closes it
)

// token is one token; comments, white space and HTML are none.
type token struct {
	form    form
	op      op
	keyword keyword
	spaced  bool // a name with white space around its backslashes, as PHP 7 allowed
	start   int32
	end     int32
}

// is says whether the token is the operator o.
func (t token) is(o op) bool { return t.form == formOp && t.op == o }

// keyword is a word with a meaning of its own, kwNone for any other.
type keyword uint8

const (
	kwNone  keyword = iota
	kwOther         // reserved, and nothing that names depend on: if, echo, __LINE__ …
	kwAs
	kwCase
	kwCatch
	kwClass
	kwConst
	kwEnum // from 8.1, before a name only
	kwExtends
	kwFn
	kwFrom // after yield only
	kwFunction
	kwGoto
	kwHalt
	kwImplements
	kwInsteadof
	kwInstanceof
	kwInterface
	kwMatch // from 8.0
	kwModifier
	kwNamespace
	kwNew
	kwReadonly // from 8.1
	kwStatic
	kwTrait
	kwType
	kwUse
	kwVisibility
	kwYield
)

// keywords maps every reserved word in lower case. Source: the PHP manual,
// "List of keywords". Words that PHP reserves for a place only (enum, from,
// readonly) are names elsewhere, which the reader decides.
var keywords = func() map[string]keyword {
	all := map[string]keyword{
		"as": kwAs, "case": kwCase, "catch": kwCatch, "class": kwClass, "const": kwConst, "enum": kwEnum,
		"extends": kwExtends, "fn": kwFn, "from": kwFrom, "function": kwFunction, "goto": kwGoto,
		"__halt_compiler": kwHalt, "implements": kwImplements, "insteadof": kwInsteadof,
		"instanceof": kwInstanceof, "interface": kwInterface, "match": kwMatch, "namespace": kwNamespace,
		"new": kwNew, "readonly": kwReadonly, "static": kwStatic, "trait": kwTrait, "use": kwUse, "yield": kwYield,
		"abstract": kwModifier, "final": kwModifier, "var": kwModifier,
		"public": kwVisibility, "protected": kwVisibility, "private": kwVisibility,
		"array": kwType, "callable": kwType,
	}
	for word := range strings.FieldsSeq(`and break clone continue declare default die do echo else elseif empty
		enddeclare endfor endforeach endif endswitch endwhile eval exit finally for foreach global if include
		include_once isset list or print require require_once return switch throw try unset while xor
		__class__ __dir__ __file__ __function__ __line__ __method__ __namespace__ __property__ __trait__`) {
		all[word] = kwOther
	}
	return all
}()

// keywordOf classifies a name without backslashes.
func keywordOf(name []byte) keyword {
	var buffer [len("__halt_compiler")]byte // the longest
	if len(name) < 2 || len(name) > len(buffer) {
		return kwNone
	}
	return keywords[string(appendLower(buffer[:0], name))]
}

// contextual says whether the word is also an ordinary name, of a class at
// least, in some version from 7.4 on.
func (k keyword) contextual() bool {
	return k == kwNone || k == kwEnum || k == kwFrom || k == kwMatch || k == kwReadonly
}

// appendLower appends s with the ASCII letters in lower case, which is all that
// PHP folds in the names of classes and functions.
func appendLower(to, s []byte) []byte {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}
