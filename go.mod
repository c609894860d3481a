module authsome

go 1.26.8
