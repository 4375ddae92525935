def pair(*args):
    return args


class Class:
    @staticmethod
    def static():
        return "static"
