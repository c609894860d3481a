package local_test

func requirements6749() []requirement { return nil }
func requirements6750() []requirement { return nil }
func requirements7636() []requirement { return nil }
func requirements8252() []requirement { return nil }
func requirements8628() []requirement { return nil }
func requirements7009() []requirement { return nil }
func requirements7662() []requirement { return nil }
func requirements9207() []requirement { return nil }
func requirements9126() []requirement { return nil }
func requirements9449() []requirement { return nil }
func requirements9700() []requirement { return nil }
