package policy

// OwnNames gives tests what of a module there are rules for, and StandIns the stand-ins.
func OwnNames(module string) (names []string) {
	for n := range forms {
		if n.module == module {
			names = append(names, n.qualname)
		}
	}
	for n := range plainNames {
		if n.module == module {
			names = append(names, n.qualname)
		}
	}
	return names
}

func StandIns() (names []string) {
	for n := range standIns {
		names = append(names, n)
	}
	return names
}
