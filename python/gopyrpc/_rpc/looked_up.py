"""Special names that libraries look up on any object, to learn what kind it is."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

#: A proxy lacks them: otherwise libraries would take it for the value, and to show it in a page or bind it to a
#: query would call the owner. Names that are looked up on the class alone (__index__, __fspath__) no
#: library finds by mistake; like other special methods they go to the owner.
_NAMES = frozenset(
    """
    __copy__ __deepcopy__ __replace__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__
    __getinitargs__ __slots__
    __name__ __qualname__ __wrapped__ __signature__ __text_signature__ __partialmethod__ __func__ __self__
    __code__ __globals__ __closure__ __defaults__ __kwdefaults__ __annotations__ __annotate__ __annotate_func__
    __type_params__ __isabstractmethod__ __objclass__ __get__ __set__ __delete__ __set_name__ __no_type_check__
    __bases__ __mro__ __mro_entries__ __orig_bases__ __orig_class__ __origin__ __args__ __parameters__
    __supertype__ __match_args__ __dataclass_fields__ __members__ __methods__
    __typing_subst__ __typing_is_unpacked_typevartuple__ __typing_unpacked_tuple_args__
    __file__ __path__ __spec__ __loader__ __all__
    __cuda_array_interface__ __dlpack__ __dlpack_device__ __numpy_dtype__ __jax_array__ __dataframe__
    __torch_function__ __torch_dispatch__ __prepare_scriptable__ __cupy_get_ndarray__
    __conform__ __clause_element__ __sympy__ _sympy_ __json__ __html__ __html_format__
    _repr_html_ _repr_markdown_ _repr_latex_ _repr_svg_ _repr_png_ _repr_jpeg_ _repr_pdf_ _repr_json_
    _repr_javascript_ _repr_mimebundle_ _repr_pretty_ _ipython_display_
    """.split()
)
_BEGINNINGS = (
    "__array", "__arrow_",  # __array__, __array_interface__, __arrow_c_array__, ...
    "__dask_",  # __dask_graph__, __dask_exprs__, __dask_tokenize__, ...
    "__pydantic_",  # __pydantic_serializer__, ...
    "__rich_",  # __rich__, __rich_console__, __rich_repr__, __rich_measure__
    "__sa_",  # of SQLAlchemy: __sa_type_engine__, ...
)


def is_looked_up(name):
    return name in _NAMES or name.startswith(_BEGINNINGS)
