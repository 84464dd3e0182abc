package pynum_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/yamlvalue"
)

// whole is a whole number, small or large.
func whole(t *rapid.T, name string) *big.Int {
	return new(big.Int).Mul(big.NewInt(rapid.Int64().Draw(t, name)), big.NewInt(rapid.Int64Range(-3, 1<<40).Draw(t, name+" scale")))
}

// value is a result of an operator as a whole number.
func value(t *rapid.T, v any, err error) *big.Int {
	require.NoError(t, err)
	if n, small := v.(int64); small {
		return big.NewInt(n)
	}
	n, ok := v.(*big.Int)
	require.True(t, ok, "%T", v)
	return n
}

// x == (x // y) * y + x % y, and the remainder has the sign of y.
func TestFloorDivisionIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := whole(t, "x"), whole(t, "y")
		if y.Sign() == 0 {
			_, err := pynum.IntOp("//", x, y)
			require.ErrorIs(t, err, pynum.ErrZero)
			return
		}
		q, err := pynum.IntOp("//", x, y)
		quotient := value(t, q, err)
		r, err := pynum.IntOp("%", x, y)
		rest := value(t, r, err)
		require.Zero(t, x.Cmp(new(big.Int).Add(new(big.Int).Mul(quotient, y), rest)))
		require.True(t, rest.Sign() == 0 || rest.Sign() == y.Sign())
	})
}

// Python's text of a number reads as this number.
func TestTextsAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		got, ok := pynum.ParseFloat(" " + yamlvalue.PythonFloat(f))
		require.True(t, ok)
		require.True(t, got == f || math.IsNaN(f) && math.IsNaN(got))
		n := whole(t, "n")
		read, ok := pynum.ParseInt(n.String()+"\n", 10)
		require.True(t, ok)
		require.Zero(t, value(t, read, nil).Cmp(n))
	})
}
