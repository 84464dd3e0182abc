package measuring

//go:generate go test . -count=1 -run ^TestTables$ -update
