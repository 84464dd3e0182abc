package page_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/pages/page"
)

// list is the numbers from most down to 1, in pages of ten at most, and counts how often it is asked.
type list struct{ most, asked int }

func (l *list) page(p api.Page) (api.List[int], error) {
	l.asked++
	from := l.most
	if p.Cursor != "" {
		before, err := strconv.Atoi(p.Cursor)
		if err != nil {
			return api.List[int]{}, err
		}
		from = before - 1
	}
	var out api.List[int]
	for n := from; n > 0 && len(out.Items) < min(10, p.Limit); n-- {
		out.Items = append(out.Items, n)
	}
	if last := from - len(out.Items); last > 0 {
		out.Next = strconv.Itoa(last + 1)
	}
	return out, nil
}

// Page by page everything is seen once, whatever is let through, and the last page says that it is.
func TestScan(t *testing.T) {
	t.Parallel()
	for _, most := range []int{0, 1, 4, 5, 9, 10, 11, 20, 25} {
		for name, keep := range map[string]func(int) bool{
			"all": func(int) bool { return true }, "some": func(n int) bool { return n%3 == 1 }, "none": func(int) bool { return false }, "the oldest": func(n int) bool { return n == 1 },
		} {
			var want, got []int
			for n := most; n > 0; n-- {
				if keep(n) {
					want = append(want, n)
				}
			}
			l, cursor := &list{most: most}, ""
			for range most + 1 {
				items, older, err := page.Scan(5, cursor, l.page, func(n int) int64 { return int64(n) }, func(n int) (bool, error) { return keep(n), nil })
				require.NoError(t, err)
				assert.LessOrEqual(t, len(items), 5)
				got = append(got, items...)
				if cursor = older; cursor == "" {
					break
				}
			}
			assert.Empty(t, cursor, "%s of %d", name, most)
			assert.Equal(t, want, got, "%s of %d", name, most)
		}
	}
	l := &list{most: 10}
	_, older, err := page.Scan(10, "", l.page, func(n int) int64 { return int64(n) }, func(int) (bool, error) { return true, nil })
	require.NoError(t, err)
	assert.Empty(t, older, "a page that is just full and the last one leads nowhere")
}

// A look at very many that one may not see ends, with the way on from there.
func TestScanOfMany(t *testing.T) {
	t.Parallel()
	l := &list{most: 100_000}
	items, older, err := page.Scan(5, "", l.page, func(n int) int64 { return int64(n) }, func(int) (bool, error) { return false, nil })
	require.NoError(t, err)
	assert.Empty(t, items)
	assert.Equal(t, 50, l.asked)
	assert.Equal(t, strconv.Itoa(100_000-500+1), older)

	_, _, err = page.Scan(5, "x", l.page, nil, nil)
	require.Error(t, err)
	assert.Equal(t, 50, l.asked, "no list is asked for what is no cursor")
	odd := errors.New("odd")
	_, _, err = page.Scan(5, "", l.page, nil, func(int) (bool, error) { return true, odd })
	require.ErrorIs(t, err, odd)
}
