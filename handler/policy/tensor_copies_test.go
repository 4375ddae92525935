package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/policy"
)

// TestTensorsAreCopiedOnce: a place in the table is what one copy is made of.
func TestTensorsAreCopiedOnce(t *testing.T) {
	quantized := func(index string) string {
		return "cgopyrpc.internal\n_receive_quantized\ncgopyrpc.internal\n_receive_tensor\n" + index + "\x85RG\x3f\xf0\x00\x00\x00\x00\x00\x00K\x00\x87R"
	}
	strided := func(index, step string) string {
		return "cgopyrpc.internal\n_receive_strided\n" + index + "K\x02\x85" + step + "\x85\x87R"
	}
	scattered := ""
	for i := range 5000 {
		scattered += strided("M"+string([]byte{byte(i), byte(i >> 8)}), "M\xff\xff")
	}
	for name, c := range map[string]struct {
		values string
		good   bool
	}{
		"quantized":                 {quantized("K\x00") + quantized("K\x01"), true},
		"quantized twice":           {quantized("K\x00") + quantized("K\x00"), false},
		"strided":                   {strided("K\x00", "K\x02") + strided("K\x01", "K\x02"), true},
		"strided twice":             {strided("K\x00", "K\x02") + strided("K\x00", "K\x03"), false},
		"strided and quantized":     {strided("K\x00", "K\x02") + quantized("K\x00"), true},
		"one object twice":          {strided("K\x00", "K\x02") + "q\x00" + strings.Repeat("h\x00", 9), true},
		"few that are far apart":    {scattered[:len(scattered)/2], true},
		"many that are far apart":   {scattered, false},
		"many with the table alone": {strings.Repeat("cgopyrpc.internal\n_receive_tensor\nK\x00\x85R", 5000), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newPolicy(t).Reply([][]byte{[]byte("\x80\x02](" + c.values + "e.")})
			if c.good {
				require.NoError(t, err)
				return
			}
			var refusal *policy.Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Contains(t, refusal.Name, "gopyrpc.internal:_receive_")
		})
	}
}
