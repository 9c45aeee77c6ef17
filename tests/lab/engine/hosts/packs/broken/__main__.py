raise RuntimeError("this pack wants a newer Python")
