package jit_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/jit"
)

// FuzzParse: a text is a type or a *ParseError that shows a place in it, and a type's String is
// that type again.
func FuzzParse(f *testing.F) {
	for _, c := range torchTypes(f) {
		f.Add(c.Text)
	}
	for _, text := range []string{
		"", "List[int", "Dict[List[int],int]", "m.Class|Interface|None", "Union[m.Unknown,int]", "((((((((", "a..b", "int[int]", "\xff", "é.é",
		"Tuple[Tuple[None]|Tuple[int]|Tuple[str],Future[Any]|Future[None]]", "Optional[number|str]", "Await[Generator|PyObject]", "None.x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parse(text)
		if err != nil {
			var e *jit.ParseError
			require.ErrorAs(t, err, &e)
			assert.NotEmpty(t, e.Expected)
			assert.True(t, 0 <= e.Offset && e.Offset <= len(text), "%d of %d", e.Offset, len(text))
			if utf8.ValidString(text) {
				assert.True(t, utf8.ValidString(e.Error()), "%q", e.Error())
			}
			return
		}
		again, err := parse(parsed.String())
		require.NoError(t, err, "%q, %v", text, parsed)
		assert.True(t, parsed.Equal(again), "%q, %v, %v", text, parsed, again)
	})
}
