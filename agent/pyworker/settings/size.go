package settings

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// units are IEC's powers of 1024 and SI's of 1000.
var units = map[string]uint64{
	"": 1, "b": 1,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}

// ParseSize reads a number of bytes, with or without a unit: 1073741824, 1GiB, 64 MB.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(strings.TrimSpace(text), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, known := units[strings.ToLower(strings.TrimSpace(text)[len(digits):])]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || !known {
		return 0, errors.New("a number of bytes was expected, such as 1048576, 64MiB or 1GB")
	}
	high, low := bits.Mul64(uint64(max(n, -n)), unit)
	if high > 0 || low > math.MaxInt64 {
		return 0, fmt.Errorf("more than %d bytes", math.MaxInt64)
	}
	return n * int64(unit), nil
}

// FormatSize writes what [ParseSize] reads.
func FormatSize(n int64) string {
	for _, name := range []string{"GiB", "MiB", "KiB"} {
		if unit := int64(units[strings.ToLower(name)]); n > 0 && n%unit == 0 {
			return strconv.FormatInt(n/unit, 10) + name
		}
	}
	return strconv.FormatInt(n, 10)
}
