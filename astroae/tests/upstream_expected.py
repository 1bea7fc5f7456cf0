"""Which of astropy's tests may fail with `AEImageHDU`, and why.

Test names are those of astropy 8.0, without module and class.
"""

#: Module of astropy -> why it is not run at all.
NOT_RUN = {
    "astropy.io.fits.hdu.compressed.tests.test_fitsio": (
        "compares CFITSIO's codecs with astropy's, 4096 times; no astroae code takes part"
    ),
    "astropy.io.fits.hdu.compressed.tests.test_compression_failures": (
        "feeds broken ZIMAGE headers to astropy's private compress_image_data; "
        "astroae/container/tests and astroae/tests/fuzz do the same for our format"
    ),
}

#: Reason -> tests.
EXPECTED = {
    "looks for ZIMAGE keywords or columns in the table: our format has its own": (
        "test_subtractive_dither_seed",
        "test_compression_column_tforms",
        "test_compressed_optional_prefix_tform",
        "test_compression_options_with_mutated_data[quantize_level_w_data]",
        "test_compression_options_with_mutated_data[quantize_level_wo_data]",
        "test_compression_options_with_mutated_data[quantize_level_dither_seed_w_data]",
        "test_compression_options_with_mutated_data[quantize_level_dither_seed_wo_data]",
        "test_compressed_hdu_header_order",
        "test_zblank_support",
        "test_integer_blank_support",
    ),
    "asserts the checksum of the bytes that RICE_1 writes": ("test_compressed_image_data_int16",),
    "asserts the values of CFITSIO's codec settings, or their checks": (
        "test_comp_image_hcompression_1_invalid_data",
        "test_lossless_gzip_compression",
        "test_comp_image_properties_set",
    ),
    "asserts tiles of one row, the default of CFITSIO; ours are 256 x 256": (
        "test_comp_image_properties_default",
    ),
    "expects reserved keywords to be dropped from the image header: ours keeps every card": (
        "test_reserved_keywords_stripped",
    ),
    "expects that merely reading scaled pixels in update mode rewrites the file as floats: "
    "ours leaves pixels that nobody changed": ("test_open_scaled_in_update_mode_compressed",),
    "section.dtype is the type that slices have, not the stored one": ("test_section_scaling",),
}
